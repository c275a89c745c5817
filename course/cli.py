"""The command ``faultlab``: one place where its commands meet.

A command is a function in the module that does the work; here it only gets its name. Two rules keep
``faultlab --help`` fast and its errors kind:

- such a module imports only the standard library, typer and ``pyemu.errors`` at its top (tested);
  numpy, IPython, nbformat or the emulator are imported inside the function that needs them;
- a mistake of the user is raised as a `pyemu.errors.FaultlabError`. `main` shows its text and exits
  with status 2, and does the same for a file that can't be read or written. Whatever else comes up is a
  bug of ours and keeps its traceback.
"""

from __future__ import annotations

import errno
import sys

import typer

from course import (
    doctor,
    explain_command,
    functions,
    lab,
    linuxfacts_command,
    progress_command,
    syllabus_command,
    workcopy,
)
from course.checks import command as checks
from course.conform import command as conform
from course.conform import predict
from course.demos import command as demos
from course.explore import bisect_command as bisecting
from course.explore import command as exploring
from course.grading import command as grading
from course.live import command as living
from course.material import new_command
from course.release import command as releasing
from course.run import command as running
from course.run import step_command
from course.series import command as series
from course.trace import command as tracing
from course.walk import command as walking
from pyemu.errors import FaultlabError

app = typer.Typer(
    name="faultlab",
    help="One page fault on two kernels: a course on page-fault retry in Linux.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The commands, in the order in which --help lists them. A new one is one line here:
#     from course.conform import command as conform      above
#     app.command()(conform.conform)                     below
# and the first line of the function's docstring is its help.
app.command(context_settings=lab.CONTEXT)(lab.lab)
app.command()(workcopy.start)
app.command()(workcopy.update)
app.command()(workcopy.reset)
app.command()(checks.check)
app.command()(progress_command.progress)
app.command()(releasing.release)
app.command()(grading.grade)
app.command()(grading.regrade)
app.add_typer(new_command.group, name="new")
app.command()(conform.conform)
app.command()(predict.predict)
app.command()(living.live)
app.command()(series.series)
app.command()(syllabus_command.lessons)
app.command()(linuxfacts_command.fact)
app.command()(functions.functions)
app.command()(explain_command.explain)
app.command()(running.run)
app.command()(running.scenarios)
app.command()(step_command.step)
app.command()(demos.demo)
app.command()(exploring.explore)
app.command()(bisecting.bisect)
app.add_typer(tracing.group, name="trace")
app.command()(walking.walk)
app.command()(doctor.doctor)
app.command()(doctor.version)


def main() -> None:
    """Run the command line; this is what the script ``faultlab`` calls."""
    try:
        app()
    except FaultlabError as error:
        message = str(error)
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        where = "a file can't be written" if error.filename is None else error.filename
        message = f"{where}: {error.strerror}. Check the path, and what you may do there."
    else:
        return
    print(f"faultlab: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
