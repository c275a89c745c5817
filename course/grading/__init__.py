"""Grading: a folder of submissions becomes points, reports and one table.

::

    files --collect--> Submission --grade--> Grade --+--> results.json, feedback.html, the notebook
                                                     +--> grades.csv

====================  ==============================================================================
``collect``           which files are submissions, and what they are called
``grade``             one submission: transplant, judge, points
``results``           ``results.json``: Gradescope's form, and ours beside it
``page``              ``feedback.html``: everything escaped, no script
``table``             ``grades.csv``
``notebook``          the pristine notebook with a submission's answers, for ``pytest --nbval``
``record``            what a result says of itself, and whether it still holds
``folder``            the folder of results: one grader at a time, each file as a whole or not at all
``batch``             all submissions of a folder, in one process or several; goes on after a kill
``regrade``           a batch judged again, from tapes (`course.tape`) of what the submissions said
``sandbox``           where submissions run, and how much it holds
``seccomp``           the sandbox's filter of system calls
``command``           ``faultlab grade``, ``faultlab regrade``
====================  ==============================================================================

Machine, seed and points stay in this process. A submission's code runs in child processes only, and
what they send is checked as if it came from a stranger. The sandbox keeps them from everything else.
"""
