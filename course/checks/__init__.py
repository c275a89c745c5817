"""Checks: whether a learner's function is right, and which misconception it shows.

::

    source --judge--> Verdict --feedback--> text     in the notebook, on the command line, in a report
              |
              +-- for each behaviour: cases --play--> Run: what the answer did, and what is right

====================  ==============================================================================
``draw``              what a seed decides: pages, times, numbers of wakes
``facts``             what a run shows of the handler, as a few comparable values
``specification``     what an exercise's checks are made of: cases, checks, causes
``kernel_case``       a scenario, run with the learner's functions in children and with the kernel's own
``call_case``         functions that are called, and tables that are read, in a child
``explore_case``      a scenario, run in every order of its tasks' moves
``scenarios``         scenarios that several exercises share
``sketched``          scenarios that a learner writes
``e04_loop`` ...      the checks of one exercise each, with ``..._scenarios`` and ``..._causes`` where long
``library``           the exercises of this version and their checks, by id
``judge``             all checks of an exercise: points, skips, the named cause
``verdict``           what the judge says, as data
``difference``        the first event in which two traces differ
``feedback``          a verdict in words
``visible``           text from strangers, made safe to look at
``answer``            where a learner's source is found
``notebook``          ``check()`` and ``hint()``, as a notebook uses them
``command``           ``faultlab check``
====================  ==============================================================================

A learner's code never runs in the process that judges it. The one exception is a browser, which has no other
process (`course.inline`); what is judged there counts for nothing.
"""
