"""A sidecar for a model of other people, and who reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nuhist import Workspace, describe, limit, load
from nuhist.errors import ConfigError, OptionError
from nuhist.exchange.hepdata.readme import _channel
from nuhist.report.citations import citations
from nuhist.schemas import check

SOURCE = "their release, arXiv:2409.17868, doi:10.5281/zenodo.14522706."


@pytest.fixture
def theirs() -> Workspace:
    """One bin: 3 events seen, 3 expected without a signal, 1 for each unit of it."""
    signal: dict[str, Any] = {
        "name": "s",
        "data": [1.0],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
    }
    spec = {
        "channels": [{"name": "c", "samples": [signal, {"name": "b", "data": [3.0], "modifiers": []}]}],
        "observations": [{"name": "c", "data": [3.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    return Workspace(spec, None, "theirs.json")


def test_limits_are_those_of_the_quantity(theirs: Workspace, tmp_path: Path) -> None:
    made = describe(theirs, coupling="sigma", unit="cm^2", reference=2e-45, signal={"mass_GeV": 6})
    made.save(tmp_path / "w.json")
    found, plain = limit(load(tmp_path / "w.json")), limit(theirs)
    assert (found.coupling, found.unit) == ("sigma", "cm^2")
    assert found.upper is not None
    assert plain.upper is not None
    assert found.upper == pytest.approx(2e-45 * plain.upper, rel=1e-9)


def test_licence_and_sources_are_read(theirs: Workspace) -> None:
    made = describe(theirs, license="CC-BY-4.0", sources=[SOURCE], dataset="their events")
    check(made.sidecar, "sidecar", "here", ConfigError)
    text = citations([made])
    assert "@misc{doi:10.5281/zenodo.14522706," in text
    assert "2409.17868" in text
    assert "no source is known" not in text
    assert made.sidecar is not None
    assert "- licence: CC-BY-4.0" in _channel("c", made, made.sidecar)


def test_what_is_said_already_stays(theirs: Workspace) -> None:
    first = describe(theirs, coupling="sigma", unit="cm^2", reference=1e-45, signal={"mass_GeV": 6})
    then = describe(first, dataset="their events", channels=["c"])
    again = describe(then, signal={"interaction": "SI"})
    assert again.sidecar is not None
    assert again.sidecar["poi"]["reference"] == 1e-45
    assert again.sidecar["poi"]["signal"] == {"mass_GeV": 6, "interaction": "SI"}
    assert again.sidecar["channels"]["c"]["dataset"] == "their events"


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ({}, OptionError, "nothing is said"),
        ({"coupling": "sigma"}, ConfigError, "coupling, unit and reference belong together"),
        ({"signal": {"mass_GeV": 6}, "poi": "nu"}, ConfigError, "no parameter called 'nu'"),
        ({"poi": "mu", "license": "MIT"}, OptionError, "poi='mu': nothing is said of it"),
        ({"license": "MIT", "channels": ["d"]}, ConfigError, "no channel called 'd'"),
        ({"coupling": "s", "unit": "u", "reference": -1.0}, ConfigError, "reference -1 u: must be positive"),
        ({"coupling": "s", "unit": "u", "reference": 0.0}, ConfigError, "reference 0 u: must be positive"),
    ],
)
def test_what_says_nothing(
    theirs: Workspace, said: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        describe(theirs, **said)
