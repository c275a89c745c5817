"""``feedback.html``: the verdict for its author, as a page that can do nothing.

Whatever comes from a submission is escaped and its invisible characters are shown by their number. The page
has no script, and its policy lets the browser load nothing and run nothing.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from course.checks.feedback import title_line
from course.checks.verdict import Row
from course.checks.visible import visible
from course.grading.grade import Grade
from course.grading.results import row_output
from course.webpage import webpage

__all__ = ["page"]

STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; line-height: 1.4; }
pre { overflow-x: auto; padding: 0.6rem; border: 1px solid; }
section { margin: 1.5rem 0; border-left: 0.4rem; padding-left: 0.8rem; }
.passed { border-left-style: solid; }
.failed { border-left-style: double; }
.skipped { border-left-style: dotted; }
h2 { font-size: 1.1rem; white-space: pre-wrap; }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
HEAD = (
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    '<meta name="referrer" content="no-referrer">\n'
)


def page(grade: Grade, title: str) -> str:
    """Give the page of one submission.

    Parameters
    ----------
    grade : Grade
        Of the submission.
    title : str
        Of the exercise.

    Returns
    -------
    str
        HTML.
    """
    points = "no grade yet" if grade.points is None else f"{grade.points} of {grade.max_points} points"
    said = "".join(f"<li>{_safe(one.message)}</li>\n" for one in grade.findings)
    printed = (
        f"<h2>Your function printed (this costs no points)</h2>\n<pre>{_safe(grade.printed)}</pre>\n"
        if grade.printed
        else ""
    )
    body = (
        f"<h1>{_safe(title)}</h1>\n"
        f"<p>Submission <strong>{_safe(grade.submission)}</strong>: {points}, {grade.status.value}.</p>\n"
        + (f"<ul>\n{said}</ul>\n" if said else "")
        + "".join(map(_section, grade.rows))
        + printed
        + f"<p>Seed <code>{_safe(grade.seed)}</code>, submission <code>{_safe(grade.digest)}</code>.</p>"
    )
    return webpage(f"{visible(title)}: {visible(grade.submission)}", STYLE, body, HEAD)


def _section(row: Row) -> str:
    return (
        f'<section class="{row.outcome.value}">\n<h2>{_safe(title_line(row))}</h2>\n'
        f"<pre>{_safe(row_output(row))}</pre>\n</section>\n"
    )


def _safe(text: str) -> str:
    return escape(visible(text, lines=True))
