"""Voila with one page: each visit runs a demo in a kernel of this environment, and shows its widget."""

from __future__ import annotations

import errno
import os
import signal
import socket
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from course.demos.widget import NAME
from pyemu.errors import FaultlabError

__all__ = ["HOST", "serve"]

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("demo.ipynb")
OURS = Path(__file__).parents[1] / "jupyter"  # the template, and no news and no updates
OPTIONS = (
    f"--Voila.ip={HOST}",
    "--Voila.port_retries=0",
    "--Voila.open_browser=True",  # calls what says where it is
    "--Voila.log_level=ERROR",
    "--template=faultlab",
    "--show_tracebacks=True",
    "--VoilaConfiguration.language_kernel_mapping=python=python3",
    "--KernelManager.transport=ipc",  # nobody else on this machine can listen
    # What the widget needs, and nothing else that this environment may have.
    "--VoilaConfiguration.extension_allowlist=anywidget",
    "--VoilaConfiguration.extension_allowlist=@jupyter-widgets/jupyterlab-manager",
    "--VoilaConfiguration.extension_allowlist=@voila-dashboards/widgets-manager8",
)


def serve(name: str, port: int, *, browser: bool) -> None:
    """Serve the demos until Ctrl-C; then its kernels end, and nothing is left.

    Parameters
    ----------
    name : str
        The demo that is shown where the address names none.
    port : int
        Of this machine; nobody else can reach it.
    browser : bool
        Open a browser.

    Raises
    ------
    FaultlabError
        Voila is not installed, or the port is not free.
    """
    if find_spec("voila") is None:
        raise FaultlabError(
            "a demo is shown by Voila, which is not installed here. Install it (pip install voila), or take "
            f"the demo on paper: faultlab demo {name} --handout FILE.html."
        )
    _check(port)
    paths = [str(OURS), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    os.environ |= {NAME: name, "JUPYTER_PATH": os.pathsep.join(paths), "JUPYTER_PREFER_ENV_PATH": "1"}
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end by kill is as clean as by Ctrl-C
    app = _kind().instance()
    app.opens = browser
    app.initialize([str(PAGE), f"--port={port}", *OPTIONS])
    try:
        app.start()
    except KeyboardInterrupt:  # so early that Voila does not wait for it yet
        app.stop()


def _check(port: int) -> None:
    """See whether a port is free."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError as error:
            reason = (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"can't be used ({error})"
            )
            raise FaultlabError(f"port {port} {reason}. Take another one, as in --port {port + 1}.") from None


def _kind() -> Any:
    from voila.app import Voila

    class Demos(Voila):  # type: ignore[misc]  # it has no types
        """Voila, which says where it is."""

        opens = False

        def launch_browser(self) -> None:
            """Say where it is; Voila calls this when it can be reached."""
            address = f"http://{self.ip}:{self.port}/"
            print(f"{os.environ[NAME]}: {address} (Ctrl-C ends it)", flush=True)
            if self.opens:
                webbrowser.open(address)

    return Demos
