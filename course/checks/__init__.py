"""Checks: whether a learner's function is right, and which misconception it shows.

::

    source --judge--> Verdict --feedback--> text     in the notebook, on the command line, in a report
              |
              +-- for each behaviour: cases --run_case--> Run: the learner's trace, the kernel's own

====================  ==============================================================================
``draw``              what a seed decides: pages, times, numbers of wakes
``facts``             what a run shows of the handler, as a few comparable values
``specification``     what an exercise's checks are made of: cases, checks, causes
``e04_loop``          the checks of exercise E4, with ``e04_scenarios`` and ``e04_causes``
``library``           the exercises of this version and their checks, by id
``runs``              one case, run with the learner's handler in a child and with the kernel's own
``judge``             all checks of an exercise: points, skips, the named cause
``verdict``           what the judge says, as data
``difference``        the first event in which two traces differ
``feedback``          a verdict in words
``visible``           text from strangers, made safe to look at
``answer``            where a learner's source is found
``notebook``          ``check()`` and ``hint()``, as a notebook uses them
``command``           ``faultlab check``
====================  ==============================================================================

A learner's code never runs in the process that judges it.
"""
