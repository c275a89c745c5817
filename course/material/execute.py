"""Run a notebook in a fresh kernel, and keep of its outputs only what is the same in every run.

The kernel is this interpreter's own, in an empty folder, with an empty IPython profile: what a person
has installed or configured does not reach the stored outputs. Afterwards

- pieces of one stream are joined (how a kernel cuts them depends on the machine's load);
- widget views are dropped: their model ids are random, and GitHub draws no widget. A view's text and
  HTML forms stay, and every output must have a text form, because a terminal and nbval read that;
- a traceback is cut to its last line, since the rest holds paths and colours;
- an output that shows the address of an object or the folder of this run is an error.
"""

from __future__ import annotations

import os
import re
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from course.material.quickly import without_grammars
from course.material.source import Cell, Notebook
from pyemu.errors import MaterialError

__all__ = ["CELL_SECONDS", "kernel_environment", "renumber", "run"]

CELL_SECONDS = 120
"""A cell that takes longer is taken for hung, in seconds of wall time."""

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_ADDRESS = re.compile(
    r"<[^<>]*\bat 0x[0-9a-f]{6,}[^<>]*>"
)  # a repr; a trace may say "copied at 0x7f0000001000"


def kernel_environment(folder: Path) -> dict[str, str]:
    """Return the environment for a kernel that runs this code, whatever else is installed.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder, used as IPython's profile folder so that no start-up file of a person runs.

    Returns
    -------
    dict of str to str
        A copy of this process's environment with ``PYTHONPATH`` and ``IPYTHONDIR`` set.
    """
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path, "IPYTHONDIR": str(folder)}


def run(notebook: Notebook, where: str) -> Notebook:
    """Execute a notebook top to bottom.

    Parameters
    ----------
    notebook : dict
        A valid notebook; it is left as it is.
    where : str
        What messages call it, usually its source file.

    Returns
    -------
    dict
        A copy with outputs and execution counts 1, 2, 3, ...

    Raises
    ------
    MaterialError
        A cell raised, took too long, or shows what differs from run to run.
    """
    with without_grammars():
        import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    node = nbformat.from_dict(deepcopy(notebook))  # type: ignore[no-untyped-call]
    running: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kernel-") as folder, tempfile.TemporaryDirectory() as profile:
        client = NotebookClient(
            node,
            km=AsyncKernelManager(
                kernel_spec_manager=_own_interpreter(),
                transport="ipc",  # sockets in our own folder: no port that others could read
                connection_file=str(Path(profile) / "kernel.json"),
            ),
            timeout=CELL_SECONDS,
            resources={"metadata": {"path": folder}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            on_cell_start=lambda cell, cell_index: running.append(cell["id"]),
        )
        try:
            client.execute(env=kernel_environment(Path(profile)), cleanup_kc=True)
        except CellExecutionError as error:
            text = f"{error.ename}: {error.evalue}".rstrip(".")
            raise MaterialError(f"{where}, cell {running[-1]!r} raised {text}. Mend the source.") from error
        except (CellTimeoutError, DeadKernelError) as error:
            raise MaterialError(f"{where}, cell {running[-1]!r}: {error}. Mend the source.") from error
        for cell in node["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = [_settled(output, cell, where, folder) for output in cell["outputs"]]
    # nbclient writes the kernel's own language_info, with the interpreter's version, over ours.
    executed: Notebook = notebook | {"cells": node["cells"]}
    renumber(executed)
    return executed


def renumber(notebook: Notebook) -> None:
    """Set the execution counts of a notebook's code cells, and of their results, to 1, 2, 3, ..."""
    code = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    for count, cell in enumerate(code, start=1):
        cell["execution_count"] = count
        for output in cell["outputs"]:
            if output["output_type"] == "execute_result":
                output["execution_count"] = count


def _own_interpreter() -> Any:
    """Return a manager that knows one kernel: this interpreter's.

    The usual search finds kernels of the same name in the home folder first.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    class OwnInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(resource_dir="", **get_kernel_dict())

    return OwnInterpreter()


def _settled(output: dict[str, Any], cell: Cell, where: str, folder: str) -> dict[str, Any]:
    """Return an output without what differs from run to run, or raise if that can't be removed."""
    if output["output_type"] == "error":
        output["traceback"] = [f"{output['ename']}: {output['evalue']}"]
    data = output.get("data", {})
    data.pop(_WIDGET_VIEW, None)
    if "data" in output and "text/plain" not in data:
        raise MaterialError(
            f"{where}, cell {cell['id']!r}: an output has only {sorted(data)}; "
            "give the object a text form (text/plain) as well."
        )
    shown = str(output)
    if _ADDRESS.search(shown) or folder in shown:
        what = "its folder" if folder in shown else "the address of an object"
        raise MaterialError(
            f"{where}, cell {cell['id']!r} shows {what}, which differs in every run; "
            "print a name or a number instead."
        )
    return output
