"""A stepper as a page of its own: one file of HTML, with its script, its style and its data inside."""

from __future__ import annotations

import base64
import json
from html import escape

from course.views.stepping.widget import script, style
from course.views.stepping.wire import Wire
from course.webpage import webpage

__all__ = ["page"]

STYLE = """
:root { color-scheme: light dark }
body { font: 14px/1.4 system-ui, sans-serif; margin: 1rem; background: Canvas; color: CanvasText }
h1 { font-size: 1.2rem }
"""
_BODY = """<main>
<h1>{title}</h1>
<div id="stepper"></div>
<noscript>{fallback}</noscript>
</main>
<script type="application/json" id="names">{names}</script>
<script type="application/octet-stream" id="data">{data}</script>
<script type="module">
{script}
const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (c) => c.charCodeAt(0));
const names = JSON.parse(document.getElementById("names").textContent);
mount(document.getElementById("stepper"), names, new DataView(bytes.buffer), {start});
</script>"""


def page(wire: Wire, start: int, fallback: str) -> str:
    """Make the page.

    Parameters
    ----------
    wire : Wire
        What it shows.
    start : int
        Row of the story at which its cursor stands at first.
    fallback : str
        HTML that is shown where no script runs.

    Returns
    -------
    str
        HTML that asks for nothing else.
    """
    title = wire.names["title"]
    body = _BODY.format(
        title=escape(title),
        fallback=fallback,
        names=json.dumps(wire.names).replace("<", "\\u003c"),
        data=base64.b64encode(wire.data).decode(),
        script=script(),
        start=start,
    )
    return webpage(title, f"{STYLE}{style()}\n", body)
