"""A demo as one file of HTML: the same page for a machine that has a browser and nothing else."""

from __future__ import annotations

import base64
import json

from course.demos.script import Demo
from course.demos.widget import MODULES, look, wire
from course.views.stepping.widget import joined, script, style
from course.webpage import webpage

__all__ = ["page"]

_BODY = """<script type="application/json" id="demo">{demo}</script>
<script type="module">
{script}
const demo = JSON.parse(document.getElementById("demo").textContent);
for (const one of demo.steppers) {{
  one.data = new DataView(Uint8Array.from(atob(one.data), (c) => c.charCodeAt(0)).buffer);
}}
open(demo, document.body);
</script>"""


def page(demo: Demo) -> str:
    """Write a demo as a page.

    Parameters
    ----------
    demo : Demo
        Its script.

    Returns
    -------
    str
        HTML that asks for nothing else.
    """
    data = wire(demo)
    for one in data["steppers"]:
        one["data"] = base64.b64encode(one["data"]).decode()
    body = _BODY.format(
        demo=json.dumps(data).replace("<", "\\u003c"), script=script() + joined("course.demos", *MODULES)
    )
    return webpage(demo.title, f"\nbody {{ margin: 0 }}\n{style()}{look()}\n", body)
