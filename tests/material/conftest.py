"""A small lesson and a small exercise, written into a temporary folder and built there once."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from course.material.exercise import Exercise, load_exercise
from course.material.learner import learner_notebook, master_notebook
from course.material.source import Notebook, Source, read_source

LESSON = """
# ---
# title: Adding
# objective: You add two numbers
# needs: []
# out_of_scope: [subtraction]
# minutes: 10
# ---

# %% [markdown] id="story"
# ## Story
# Somebody adds.

# %% [markdown]
# ## Predict: what comes out?

# %% id="add"
total = 1 + 2
total

# %% tags=["numbers"]
{"total": total, "n": 1234567}

# %% [markdown]
# ## Run
# It prints {{total}} of {{ n }}.

# %% id="talk"
import sys
for word in ("a", "b", "c"):
    print(word, flush=True)

# %% [markdown]
# ## Trace
# %% [markdown]
# ## Mechanism
# %% [markdown]
# ## Questions
# %% [markdown]
# ## Recap
"""

TOML = """
version = 1
id = "e99_double"
lesson = "99"
title = "Twice as much"
objective = "You double a number"
needs = ["98"]
out_of_scope = []
minutes = 10
hints = ["Think of two.", "Multiply."]

[[behaviour]]
id = "positive"
title = "Doubles a positive number"
points = 2

[[behaviour]]
id = "negative"
title = "Doubles a negative number"
points = 1
parent = "positive"

[[right]]
file = "right/adding.py"

[[wrong]]
name = "squares"
file = "wrong/squares.py"
message = "You squared it."
"""

MASTER = '''
# %% [markdown] id="task"
# Write `double`.

# %% id="setup"
START = 3

# %% id="answer" tags=["answer"]
def double(number):
    """Return twice the number."""
    ### BEGIN SOLUTION
    factor_of_two = 2  # the whole secret
    return number * factor_of_two
    ### STUB
    # # your line here
    # return None
    ### END SOLUTION

# %% id="play" tags=["scratch"]
double(START)

# %% id="positive" tags=["check"]
print("double(3) =", double(START))

# %% id="negative" tags=["check"]
print("double(-3) =", double(-START))
'''

RIGHT = "def double(number):\n    return number + number\n"
WRONG = "def double(number):\n    return number ** 2\n"


@pytest.fixture
def source_of(tmp_path: Path) -> Callable[[str], Source]:
    """Return a function that writes a percent-format text to a file and reads it as a source."""

    def make(text: str) -> Source:
        path = tmp_path / "lesson.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return read_source(path)

    return make


def write_material(root: Path) -> Path:
    """Write a lesson and an exercise into a folder; return the exercise's folder."""
    folder = root / "exercises" / "e99_double"
    for path, text in {
        root / "lessons" / "99-adding.py": LESSON,
        folder / "exercise.toml": TOML,
        folder / "master.py": MASTER,
        folder / "right" / "adding.py": RIGHT,
        folder / "wrong" / "squares.py": WRONG,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")
    return folder


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """Return a root folder with fresh, unbuilt sources that a test may change."""
    write_material(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """Return the small exercise; tests may build it, and leave its sources alone."""
    return load_exercise(write_material(tmp_path_factory.mktemp("material")))


@pytest.fixture(scope="session")
def master(exercise: Exercise) -> Notebook:
    """Return its executed master."""
    return master_notebook(exercise)


@pytest.fixture(scope="session")
def learner(exercise: Exercise, master: Notebook) -> Notebook:
    """Return its learner's notebook."""
    return learner_notebook(exercise, master)
