"""The series patch by patch: what each of the sixteen is, and what shows it.

=================  ======================================================================================
``patches``        the sixteen rows: title, class, kernel function, what shows it
``decisions``      what a patch changed in code and not in behaviour: the decision before and after
``proof``          compares both over all inputs
``mutants``        plants a fault in either side; the proof must notice
``showings``       scenarios whose outcome changes at one patch, with the numbers expected
``verify``         runs all of it; one verdict a patch
=================  ======================================================================================
"""
