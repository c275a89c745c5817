"""The command ``faultlab predict``: what a kernel does in an experiment that need not have been recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from pyemu.errors import RecordError

if TYPE_CHECKING:
    from course.conform.experiment import Experiment
    from course.conform.kernels import Kernel
    from course.conform.script import Script
    from course.conform.slow_file import SlowFault

Fields = Mapping[str, str | int | bool]
# A tree without a kernel's label means a kernel in which single patches could be switched: that was a 5.7.14.
SWITCHED = "5.7.14"


def predict(
    kernel: Annotated[
        str, typer.Option(metavar="LABEL", help="A kernel: 5.4, 5.7.14, 6.12, ...; the nearest tree runs.")
    ] = "",
    access: Annotated[
        str, typer.Option(metavar="NAME", help="What touches the missing page: user_read, pipe_write, ...")
    ] = "",
    event: Annotated[
        str,
        typer.Option(help="none, sigN, sig1r, stop, kill, wakeN, unreg or close; N is a number."),
    ] = "",
    mem: Annotated[str, typer.Option(help="The memory: anon or shmem.")] = "anon",
    user_mode_only: Annotated[
        bool, typer.Option("--user-mode-only", help="A userfaultfd with UFFD_USER_MODE_ONLY.")
    ] = False,
    script: Annotated[
        str, typer.Option(help="Instead of an event, what the monitor does: 'm p10 w m c'.")
    ] = "",
    signals: Annotated[
        str, typer.Option(help="Of a script: handler, restart, ignore, block or storm.")
    ] = "handler",
    group: Annotated[
        str, typer.Option(help="Of a script: its group; sigbus registers with the feature SIGBUS.")
    ] = "plain",
    path: Annotated[
        str, typer.Option(help="A fault on the slow disk: readahead or random; with --event.")
    ] = "",
    case: Annotated[str, typer.Option(help="A case of plain steps, such as fork_cow; with --step.")] = "",
    step: Annotated[str, typer.Option(help="One step of the case.")] = "",
    tree: Annotated[
        str, typer.Option(help="Run this tree (such as after-9) instead of that of the kernel.")
    ] = "",
    cpus: Annotated[int, typer.Option(min=0, max=8, help="CPUs, if not as recorded.")] = 0,
    preemption: Annotated[
        bool, typer.Option("--preemption", help="The kernel may be interrupted for another task.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object with the fields of a record.")
    ] = False,
) -> None:
    """Say what a kernel does in an experiment that need not have been recorded."""
    from course.conform.experiment import Experiment
    from course.conform.script import Script
    from course.conform.slow_file import SlowFault

    ran = _kernel(kernel, tree, cpus, preemption)
    _one_kind({"--script": script, "--case": case, "--path": path}, {"--access": access, "--event": event})
    if step and not case:
        raise RecordError(f"--step {step!r} is a step of nothing: it must come with --case. Name the case.")
    if script:
        kind = "script"
        fields = _script(Script(group, access or "user_read", mem, signals, script), ran)
    elif case:
        kind = "sequence"
        fields = _sequence(case, step, ran)
    elif path:
        kind = "slow_file"
        fields = _slow(SlowFault(path, event or "none"), ran)
    elif access:
        kind = "userfault"
        fields = _userfault(Experiment(access, event or "none", mem, user_mode_only), ran)
    else:
        raise RecordError(
            "nothing is asked for: name an --access (with an --event or a --script), a --path of the slow "
            "disk or a --case of plain steps."
        )
    if as_json:
        said = {"emulated": str(ran.tree), "nearest": ran.nearest}
        print(json.dumps({"kernel": ran.label, "kind": kind, **fields, **said}))
        return
    from rich.console import Console

    from course.conform.report import explain

    console = Console(highlight=False, markup=False)
    console.print(f"{kind} on kernel {ran.label}, tree {ran.emulated}", soft_wrap=True)
    console.print(explain(fields))


def _one_kind(kinds: dict[str, str], details: dict[str, str]) -> None:
    """Refuse options that another one would make void."""
    named = [name for name, value in kinds.items() if value]
    void = {"--script": ("--event",), "--case": ("--access", "--event"), "--path": ("--access",)}
    for name in named[:1]:
        others = [*named[1:], *(other for other in void[name] if details[other])]
        if others:
            raise RecordError(
                f"{name} and {others[0]} ask for two things: a prediction is of one. Leave one of them out."
            )


def _kernel(label: str, tree: str, cpus: int, preemption: bool) -> Kernel:
    """Say what runs: the kernel's tree or the one asked for, on its machine or on another."""
    from dataclasses import replace

    from course.conform.kernels import Computer, kernel_of
    from pyemu.tree import Tree

    if not label and not tree:
        raise RecordError("no kernel is named: give --kernel (such as 5.7) or --tree (such as after-9).")
    ran = kernel_of(label or SWITCHED)
    if tree:
        ran = replace(ran, tree=Tree.parse(tree), nearest=False)
    if cpus or preemption:
        ran = replace(ran, computer=Computer(cpus or ran.computer.n_cpus, preemption))
    return ran


def _userfault(done: Experiment, ran: Kernel) -> Fields:
    from course.conform.prediction import predict as predict_userfault
    from course.conform.replay import REFUSAL

    if done.user_mode_only and not ran.knows_user_mode_only:
        names = {"access": done.access, "mem": done.mem, "event": done.event}
        return {**names, "setup_error": REFUSAL, "user_mode_only": True}
    return predict_userfault(done, ran.tree, ran.computer).fields


def _script(done: Script, ran: Kernel) -> Fields:
    from course.conform.script_prediction import predict_script

    return {"tree": str(ran.tree), **predict_script(done, ran.tree, ran.computer)}


def _slow(done: SlowFault, ran: Kernel) -> Fields:
    from course.conform.slow_file import predict_slow

    return predict_slow(done, ran.tree, ran.computer)


def _sequence(case: str, step: str, ran: Kernel) -> Fields:
    from course.conform.sequence import predict_step

    return {"case": case, "step": step, **predict_step(case, step, ran.tree, ran.computer)}
