"""The library of scenarios: each says what happens on which tree, and that is what happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyemu import Scenario, Tree, run
from pyemu.errors import ScenarioError
from pyemu.expect import unexpected
from pyemu.scenario import EXPECTED

SAID = [
    (name, tree) for name in Scenario.library() for said in Scenario.load(name).expect for tree in said.trees
]


@pytest.mark.parametrize(("name", "tree"), SAID, ids=[f"{name}-{tree}" for name, tree in SAID])
def test_what_a_scenario_says_of_a_tree_happens(name: str, tree: str) -> None:
    assert unexpected(run(name, Tree.parse(tree))) == []


@pytest.mark.parametrize("name", Scenario.library())
def test_each_scenario_has_a_story_a_source_and_says_what_happens(name: str) -> None:
    scenario = Scenario.load(name)
    assert scenario.story.endswith((".", "!")), name
    assert scenario.source, name
    trees = {tree for said in scenario.expect for tree in said.trees}
    assert {"before", "v5_7"} <= trees, "it speaks of the kernels before and after the series at least"
    assert any(said.tasks for said in scenario.expect), name


@pytest.mark.parametrize("name", Scenario.library())
def test_a_scenario_says_each_thing_so_that_it_can_be_wrong(name: str) -> None:
    scenario = Scenario.load(name)
    said = scenario.expect[0]
    result = run(scenario, Tree.parse(said.trees[0]))
    for task, fields in said.tasks:
        for field, value in fields:
            other = "ret=99" if isinstance(value, str) else ["ret=99"] if isinstance(value, list) else -1
            wrong = replace(said, tasks=((task, ((field, other),)),))
            found = unexpected(replace(result, scenario=replace(scenario, expect=(wrong,))))
            assert len(found) == 1, (task, field)
            assert found[0].startswith(f"{task}: {field} should be {other!r}")
    wrong = replace(said, violations=("I9",), end="hang" if said.end == "done" else "done")
    assert len(unexpected(replace(result, scenario=replace(scenario, expect=(wrong,))))) == 2


def test_a_tree_that_a_scenario_says_nothing_of_is_an_error_with_those_that_it_speaks_of() -> None:
    with pytest.raises(ScenarioError, match=r"S13 says nothing of tree upto5: it speaks of before upto8"):
        unexpected(run("S13", Tree.upto(5)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[expect.upto17]", r"expect\.upto17: upto\(17\) has no meaning"),
        ("[expect.before]\nT = { atempts = 1 }", "unknown key 'atempts'.*Did you mean 'attempts'"),
        ("[expect.before]\nX = {}", "unknown key 'X'"),
        ('[expect.before]\nend = "never"', "end is 'never'; it must be one of done, hang, time limit"),
        ('[expect.before]\n[expect."after before"]', "tree before stands in another table"),
        ("expect = 5", "expect is 5; it must be a table"),
    ],
)
def test_an_expectation_that_breaks_the_schema_is_refused(text: str, says: str) -> None:
    scenario = 'version = 1\nname = "x"\ntitle = "x"\n%s\n[[tasks]]\nname = "T"\n%s'
    top, below = (text, "") if text.startswith("expect =") else ("", text)
    with pytest.raises(ScenarioError, match=says):
        Scenario.from_toml(scenario % (top, below))


def test_every_field_that_may_be_said_is_one_that_a_result_has() -> None:
    result = run("S13", Tree.after)
    numbers = {*result.tasks["T"].counters, *result.tasks["T"].stats}
    assert set(EXPECTED) - {"outcome", "outcomes", "ends_at", "gup"} <= numbers
