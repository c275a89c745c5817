"""Every error that a user of faultlab may see, and what each one is about.

::

    FaultlabError                the root: its text names the thing, the value, the rule, the next step
      +-- ScenarioError          a scenario file or its values
      +-- TreeError              a set of patches that has no meaning
      +-- HardwareError          an address, a register or a table that the hardware model refuses
      |     +-- UncompiledError  the compiled twin was asked for and is not there
      +-- HandlerError           a learner's handler, as Python (not as behaviour)
      |     +-- ForgottenAwait   an effect was used as if it were its result
      +-- WireError              what came over the pipe from a handler's process
      +-- RecordError            a file of recorded kernel results
      +-- MemtraceError          a file of memory accesses
      +-- CompileError           a text that Cython or the C compiler refuses
      |     +-- NoCompilerError  there is nothing here that compiles
      +-- MaterialError          lessons, exercises and submissions

A mistake of a learner or an instructor ends in one of these and is shown as text, never as a
traceback. A traceback is a bug of ours.
"""

from __future__ import annotations


class FaultlabError(Exception):
    """Root of every error that a user may see."""


class ScenarioError(FaultlabError):
    """A scenario is malformed: the text names file, key, value and rule."""


class TreeError(FaultlabError):
    """A set of patches has no meaning: the text names the missing premise."""


class HardwareError(FaultlabError):
    """The hardware model refuses an address, a register value or a table."""


class UncompiledError(HardwareError):
    """The compiled twin was asked for, but this install has none."""


class HandlerError(FaultlabError):
    """A learner's handler can't be run as Python."""


class ForgottenAwait(HandlerError):
    """An effect was tested, compared or combined before it was awaited; ``title`` is its name."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"{title} was used as if it were its result. It is only a request until you wait for it: put "
            f"`await` before {title}."
        )
        self.title = title


class WireError(FaultlabError):
    """A message from a handler's process breaks the protocol."""


class RecordError(FaultlabError):
    """A file of recorded kernel results is missing or malformed."""


class MemtraceError(FaultlabError):
    """A file of memory accesses is malformed, or what is to be written into one."""


class CompileError(FaultlabError):
    """Cython or the C compiler refuses a text: the message names line and reason."""


class NoCompilerError(CompileError):
    """There is no Cython, no C compiler, or no header of Python."""


class MaterialError(FaultlabError):
    """A lesson, an exercise or a submission is missing or malformed."""
