"""Keywords of public functions: shown by help, and named where they are mistyped."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

import nuhist
from nuhist import BuildOptions, NuhistError, Workspace
from nuhist.errors import OF_EXECUTION, KeywordError
from nuhist.inference.questions import Questions
from nuhist.methods.registry import METHODS

FUNCTIONS = [name for name in nuhist.__all__ if inspect.isfunction(getattr(nuhist, name))]
QUESTIONS = [name for name in vars(Questions) if not name.startswith("_")]


@pytest.fixture
def workspace() -> Workspace:
    """One free sample over nothing."""
    strength = {"name": "mu", "type": "normfactor", "data": None}
    return Workspace(
        {
            "channels": [{"name": "c", "samples": [{"name": "s", "data": [3.0], "modifiers": [strength]}]}],
            "observations": [{"name": "c", "data": [4.0]}],
            "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        }
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_shows_the_keywords(name: str) -> None:
    parameters = inspect.signature(getattr(nuhist, name)).parameters.values()
    if name not in {"export_to", "import_from", "limit", "plot", "pyhf_optimizer"}:  # what others add
        assert all(each.kind is not each.VAR_KEYWORD for each in parameters)


def test_keywords_that_stand_elsewhere_are_shown() -> None:
    options = {field.name for field in fields(BuildOptions)}
    for function in (nuhist.build, nuhist.build_patchset):
        assert options <= set(inspect.signature(function).parameters)
    own = {field.name for method in METHODS for field in fields(method)}
    assert own <= set(inspect.signature(nuhist.limit).parameters)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_its_function(name: str, workspace: Workspace) -> None:
    method, function = getattr(nuhist.Model(workspace), name), getattr(nuhist, name)
    (_, *others) = inspect.signature(function).parameters.values()
    assert list(inspect.signature(method).parameters.values()) == others
    assert method.__doc__ == function.__doc__


CASES: list[tuple[str, Callable[[Any], object]]] = [
    ("confidance_level is no option of nuhist.limit; did you mean confidence_level",
     lambda model: nuhist.limit(model, confidance_level=0.9)),
    ("expectd is no option of nuhist.limit; did you mean expected",
     lambda model: model.limit("cls", expectd=True)),
    ("tst_poi is no option of nuhist.fit; did you mean test_poi", lambda model: model.fit(tst_poi=1.0)),
    ("bakground is no option of nuhist.build; did you mean background",
     lambda _: nuhist.build("lz_ws2022", hypothesis="magnetic-moment", bakground="paper")),
    ("measurment is no option of nuhist.Model; did you mean measurement",
     lambda model: nuhist.Model(model.workspace, measurment="m")),  # type: ignore[call-arg]
    ("expectd is no option of nuhist.CLs; did you mean expected",
     lambda _: nuhist.CLs(expectd=True)),  # type: ignore[call-arg]
    ("excution is no option of nuhist.FeldmanCousins; did you mean execution",
     lambda _: nuhist.FeldmanCousins(excution=None)),  # type: ignore[call-arg]
    ("bakground is no option of nuhist.BuildOptions; did you mean background",
     lambda _: BuildOptions(bakground="paper")),  # type: ignore[call-arg]
    ("sed is no option of nuhist.Execution; did you mean seed",
     lambda _: nuhist.Execution(sed=1)),  # type: ignore[call-arg]
]  # fmt: skip


@pytest.mark.parametrize(("message", "call"), CASES)
def test_a_mistyped_keyword(message: str, call: Callable[[Any], object], workspace: Workspace) -> None:
    with pytest.raises(KeywordError, match=message) as raised:
        call(nuhist.Model(workspace))
    assert isinstance(raised.value, NuhistError)
    assert isinstance(raised.value, TypeError)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_go_to_other_processes(name: str) -> None:
    function = getattr(nuhist, name)
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize("name", ["toys", "ntoys"])
@pytest.mark.parametrize("method", ["cls", "feldman-cousins"])
def test_options_of_toys_are_said_to_be_in_the_execution(
    workspace: Workspace, name: str, method: str
) -> None:
    with pytest.raises(KeywordError, match=rf"^{name} is no option .*execution=nuhist.Execution\(toys="):
        nuhist.limit(workspace, method, **{name: 100})  # type: ignore[arg-type]
    assert set(OF_EXECUTION) == {field.name for field in fields(nuhist.Execution)}
