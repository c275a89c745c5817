"""Lessons and exercises as files: sources in percent format, the notebooks built from them, submissions.

======================  ==========================================================================
``source``              a percent-format source as a list of cells with stable ids
``front``               the front matter of lessons and exercises
``execute``             run a notebook in a fresh kernel, keep only what is the same in every run
``numbers``             ``{{name}}`` in prose, filled from what the code computed
``hover``               ``[words](term:NAME)`` in prose, with the glossary's text to hover
``template``            what every lesson has in common, as checks that return findings
``solution``            solution regions in a master: cut them out, put the stub in, look for leaks
``nbgrader``            the metadata (schema 3) by which course tools know a cell's role
``exercise``            the folder of one exercise: ``exercise.toml``, master, right and wrong answers
``learner``             the notebooks of an exercise: the executed master, and the learner's
``build``               write every generated notebook, or say which one differs
``rawjson``             a submission as bytes: what can be said before it is parsed
``transplant``          a submission's answers, put into the pristine notebook
``quickly``             nbformat, imported in a tenth of its time
``findings``            what a check found, as data
``nbval``               run a notebook under stock ``pytest --nbval``
======================  ==========================================================================
"""
