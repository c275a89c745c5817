"""Checks: is a learner's handler right, and if not, which misconception does it show?

::

    source --judge--> Verdict --feedback--> text           in the notebook, on the command line, in a report
              |
              +-- for each behaviour: cases (scenarios) --run_case--> Run: the learner's trace beside the kernel's

====================  ==============================================================================
``draw``              what a seed decides: pages, times, numbers of wakes
``facts``             what a run shows of the handler, as a few comparable values
``specification``     what an exercise's checks are made of: cases, checks, causes
``e04_loop``          the checks of exercise E4
``runs``              one case, run with the learner's handler in a child and with the kernel's own
``judge``             all checks of an exercise: points, skips, the named cause
``difference``        the first event in which two traces differ
``feedback``          a verdict in words
``answer``            where a learner's source is found in a notebook
``notebook``          ``check()`` and ``hint()``, as a notebook uses them
``command``           ``faultlab check``
====================  ==============================================================================

A learner's code never runs in the process that judges it.
"""
