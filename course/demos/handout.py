"""A demo on paper: the questions with room for an answer, then what was seen, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from course.demos.parts import Part, Walk
from course.demos.script import Demo
from course.webpage import webpage

__all__ = ["handout"]

STYLE = """
:root { color-scheme: light }
body { font: 11pt/1.4 system-ui, sans-serif; max-width: 46rem; margin: 1rem auto; padding: 0 1rem }
body { color: #1a1a1a; background: #ffffff }
h1 { font-size: 1.5rem }
h2 { font-size: 1.1rem; margin: 1.2rem 0 0.3rem; break-after: avoid }
section { break-inside: avoid }
ul.choices { list-style: none; padding: 0 }
.line { border-bottom: 1px solid; height: 1.8rem }
table { border-collapse: collapse; margin: 0.4rem 0 }
th, td { border: 1px solid; padding: 2px 8px; text-align: left; vertical-align: top; font-weight: 400 }
caption { text-align: left; font-weight: 700 }
pre { border: 1px solid; padding: 6px; white-space: pre-wrap }
pre span { display: block }
img { max-width: 100% }
.fd-marked { font-weight: 700 }
.answers { break-before: page }
"""


def handout(demo: Demo) -> str:
    """Write a demo for paper.

    Parameters
    ----------
    demo : Demo
        Its script.

    Returns
    -------
    str
        A page of HTML that asks for nothing else: the questions on the first sheet, the answers on the next.
    """
    parts = "\n".join((*_asked(demo), *_seen(demo)))
    about = f"<h1>{escape(demo.title)}</h1>\n<p>{escape(demo.about)}</p>"
    return webpage(f"{demo.title}: handout", STYLE, f"<main>\n{about}\n{parts}\n</main>")


def _asked(demo: Demo) -> Iterator[str]:
    """Give the questions, in the order of the script."""
    yield "<h2>What do you expect?</h2>"
    for step in demo.steps:
        if step.paper:
            yield f"<section>{_html(step.pictures[0])}</section>"
        if step.vote:
            vote = demo.votes[step.vote]
            choices = "".join(f"<li>☐ {escape(choice)}</li>" for choice in vote.choices)
            yield f'<section><p>{escape(vote.question)}</p><ul class="choices">{choices}</ul></section>'
        elif step.ask:
            yield f'<section><p>{escape(step.ask)}</p><div class="line"></div></section>'


def _seen(demo: Demo) -> Iterator[str]:
    """Give what was seen in each step, with the answers: all events of a stepper, else the last picture."""
    yield '<div class="answers"><h2>What was seen</h2></div>'
    answered = {step.reveals for step in demo.steps}
    for step in demo.steps:
        if step.vote in answered - {""} or step.paper:
            continue
        walked = all(isinstance(part, Walk) for picture in step.pictures for part in picture)
        shown = step.pictures if walked else step.pictures[-1:]
        yield f"<section><h2>{escape(step.title)}</h2>{''.join(map(_html, shown))}"
        if step.reveals:
            vote = demo.votes[step.reveals]
            right = "".join(f"<li>{escape(who)}: {escape(choice)}</li>" for choice, who in vote.right.items())
            yield f"<p>{escape(vote.question)}</p><ul>{right}</ul>"
        yield "</section>"
    sources = "".join(f"<li>{escape(one)}</li>" for one in demo.sources)
    yield f"<h2>Where this comes from</h2><ul>{sources}</ul>"


def _html(picture: tuple[Part, ...]) -> str:
    return "".join(part.html() for part in picture)
