"""The registry of methods: names, objects, and methods of other packages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, make_dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal, Optional

import click
import pytest
from click.testing import CliRunner

import nuhist
from nuhist import CLs, FeldmanCousins, Model, ProfileLikelihood, Workspace
from nuhist.cli.main import main
from nuhist.cli.method_options import _option
from nuhist.errors import ConfigError, OptionError
from nuhist.inference.execution import Execution
from nuhist.inference.results import Interval
from nuhist.methods.method import IntervalMethod, finished, shell
from nuhist.methods.registry import METHODS, methods

Build = Callable[..., Workspace]
Run = Callable[..., Any]


def test_a_method_is_its_name_with_options(counting: Build) -> None:
    workspace = counting([5], [1.0], [3.0])
    assert nuhist.limit(workspace, CLs(expected=True)) == nuhist.limit(workspace, "cls", expected=True)
    assert nuhist.limit(workspace, ProfileLikelihood()) == nuhist.limit(workspace)
    execution = Execution(toys=50)
    by_name = nuhist.limit(workspace, "feldman-cousins", points=5, execution=execution)
    assert nuhist.limit(workspace, FeldmanCousins(points=5, execution=execution)) == by_name


def test_options_go_into_the_object(counting: Build) -> None:
    with pytest.raises(OptionError, match=r"expected: belongs into the method itself, CLs\(expected=…\)"):
        nuhist.limit(counting([5], [1.0], [3.0]), CLs(), expected=True)


@pytest.mark.parametrize("method", METHODS)
def test_each_is_a_method(method: Any) -> None:
    assert isinstance(method(), IntervalMethod)
    assert hash(method()) == hash(method())  # frozen


@dataclass(frozen=True)
class Wald:
    """Best fit, and so many of its errors further: a method of another package."""

    name: ClassVar[str] = "wald"
    title: ClassVar[str] = "Wald"
    throws: ClassVar[bool] = False
    widths: float = field(default=2.0, metadata=shell("How many errors.", "N"))

    def interval(self, model: Model, confidence_level: float | None = None) -> Interval:
        index = model.likelihood.poi_index
        error = float(model.covariance[index, index] ** 0.5)
        best = float(model.best.parameters[index])
        return finished(
            model,
            method=self.name,
            convention=f"{self.widths:g} errors",
            ends=(None, best + self.widths * error),
            notes=(),
            confidence_level=confidence_level,
        )


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that brings a method along."""
    entry = metadata.EntryPoint("wald", f"{__name__}:Wald", "nuhist.methods")
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda _: Wald)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == entry.group else [])
    methods.cache_clear()
    yield
    methods.cache_clear()


@pytest.mark.usefixtures("another")
def test_a_method_of_another_package(counting: Build) -> None:
    # Nine seen over four: 5 ± 3.
    workspace = counting([9], [1.0], [4.0], bounds=[[0.0, 50.0]])
    assert nuhist.limit(workspace, "wald").upper == pytest.approx(11.0, rel=1e-4)
    assert nuhist.limit(workspace, "wald", widths=1.0).upper == pytest.approx(8.0, rel=1e-4)
    with pytest.raises(OptionError, match=r"widths=...: does nothing with method='profile'; it belongs to m"):
        nuhist.limit(workspace, widths=1.0)


@pytest.mark.usefixtures("another")
def test_the_shell_has_its_options(counting: Build, tmp_path: Path) -> None:
    counting([9], [1.0], [4.0], bounds=[[0.0, 50.0]]).save(tmp_path / "nine.json")
    words = ["limit", str(tmp_path / "nine.json"), "--method", "wald", "--widths"]
    result = CliRunner().invoke(main, [*words, "1", "--json"])
    assert json.loads(result.stdout)["upper"] == pytest.approx(8.0, rel=1e-4)
    wrong = CliRunner().invoke(main, [*words, "many"])
    assert (wrong.exit_code, "'many' is not a valid float" in wrong.output) == (2, True)


@pytest.mark.usefixtures("another")
def test_a_method_that_claims_no_level_is_shown(counting: Build) -> None:
    workspace = counting([9], [1.0], [4.0], bounds=[[0.0, 50.0]])
    assert repr(nuhist.limit(workspace, "wald")).startswith("Interval(mu < 11 at 2 errors;")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda interval: None, "the method 'wald' gave NoneType instead of an Interval"),
        (lambda interval: replace(interval, upper=float("nan")), "gave an end that is no number: None, nan"),
    ],
)
def test_what_a_method_gives_is_looked_at(given: Any, message: str, counting: Build) -> None:
    class Odd(Wald):
        def interval(self, model: Model, confidence_level: float | None = None) -> Any:
            return given(super().interval(model, confidence_level))

    with pytest.raises(ConfigError, match=message):
        nuhist.limit(counting([9], [1.0], [4.0], bounds=[[0.0, 50.0]]), Odd())


def test_a_class_is_no_method(counting: Build) -> None:
    with pytest.raises(ConfigError, match=r"method = CLs: give one, CLs\(\), or its name"):
        nuhist.limit(counting([5], [1.0], [3.0]), CLs)  # type: ignore[arg-type]


def test_a_name_of_nuhist_stays(counting: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = metadata.EntryPoint("cls", "their:Wald", "nuhist.methods")
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda _: Wald)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == entry.group else [])
    methods.cache_clear()
    with pytest.warns(RuntimeWarning, match="the method 'cls' of their:Wald is broken"):
        assert methods()["cls"] is CLs
    methods.cache_clear()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (float, click.FLOAT),
        (int | None, click.INT),
        (Optional[float], click.FLOAT),  # noqa: UP045 - what others may write
        ("float | None", click.FLOAT),
        ("Calctype | None", click.STRING),
        (Literal["int"], click.STRING),
    ],
)
def test_types_of_options(kind: Any, expected: Any) -> None:
    made = make_dataclass("Made", [("widths", kind, field(metadata=shell("How many.", "N"), default=None))])
    assert _option(fields(made)[0], ["made"]).type == expected


@dataclass
class Melting:
    """Not frozen."""

    name: ClassVar[str] = "x"
    title: ClassVar[str] = "x"
    throws: ClassVar[bool] = False
    interval: ClassVar[None] = None


@dataclass(frozen=True)
class Thrower(Wald):
    """Nobody can tell it how many toys."""

    name: ClassVar[str] = "x"
    throws: ClassVar[bool] = True


@dataclass(frozen=True)
class Taker(Wald):
    """Takes a name that is there."""

    name: ClassVar[str] = "x"
    seed: int = 0


class Loose:
    """Has what a method has, but no fields."""

    name, title, throws, interval = "x", "Loose", False, None


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (object, "it has no name, no title, no throws, no interval"),
        (ProfileLikelihood, "there is a method called 'profile' already"),
        (Melting, "a method is a frozen dataclass"),
        (Thrower, "a method that throws toys has the field execution"),
        (Taker, "its field 'seed' has the name of another option of nuhist limit"),
        (Wald, "its name is 'wald'; the entry point must have the same"),
        (Loose, "a method is a frozen dataclass, whose fields are its options"),
    ],
)
def test_what_is_no_method(
    method: Any, message: str, counting: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = metadata.EntryPoint("x", "some:thing", "nuhist.methods")
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda _: method)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == entry.group else [])
    methods.cache_clear()
    workspace = counting([9], [1.0], [4.0], bounds=[[0.0, 50.0]])
    with pytest.raises(ConfigError, match=f"the method 'x' of some:thing is broken: {message}"):
        nuhist.limit(workspace, "x")
    assert nuhist.limit(workspace).method == "profile"  # it keeps nobody from the others
    methods.cache_clear()
