"""Decisions of the kernel's code before and after a patch, written out over explicit inputs.

A patch that changes code and not behaviour can't be shown by a run. So the decision that it touches stands
here twice, as a pure function ``before(case)`` and one ``after(case)``, and `course.series.proof` compares
them over every input. The functions say what the kernel decides, in our own words; they are no copy of its
text. What differs from architecture to architecture is data (`pyemu.arches`).
"""
