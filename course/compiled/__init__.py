"""Cython for lessons about speed: texts are translated, compiled, looked at line by line, raced and tried.

=================  ===================================================================================
``compiler``       says whether texts can be compiled here
``typed``          a Python text with C types: the same lines, and declarations before them
``annotate``       which lines of a text still call Python once they are compiled
``race``           which of two ways to walk is faster, and by how much, in widely rounded words
``each_missing``   what is lost with each type that is left out
``ask``            a function of a text, compiled and called
``refusal``        what Cython says about a text that it doesn't compile
``right_walk``     the text of a walk that is right
``try_walk``       a walk, compiled and compared with the readable twin on random page tables
``serve``          a walk that stops at faults, and Python that serves them
=================  ===================================================================================

A text is Cython source. `course.compiled.building.compile_cython` makes a module of it. Where there is no C
compiler, `figures.json` stands in: what the texts of the lesson gave when they were measured. numpy is not
needed.
"""

from __future__ import annotations

from course.compiled.asking import ask, refusal
from course.compiled.building import compile_cython
from course.compiled.declaring import typed
from course.compiled.figures import compiler
from course.compiled.lines import annotate
from course.compiled.races import Calls, Compiled, Python, each_missing, race
from course.compiled.trying import right_walk, serve, try_walk

__all__ = [
    "Calls",
    "Compiled",
    "Python",
    "annotate",
    "ask",
    "compile_cython",
    "compiler",
    "each_missing",
    "race",
    "refusal",
    "right_walk",
    "serve",
    "try_walk",
    "typed",
]
