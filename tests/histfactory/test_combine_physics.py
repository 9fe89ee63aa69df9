"""One physical quantity under several names, parameters that are held, and signals that only share a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyhf
import pytest

from nuhist import Workspace, combine, limit
from nuhist.errors import ConfigError, ModelError, OptionError
from nuhist.histfactory.combination_plan import read_plan
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.workspace import digest
from nuhist.physics.coupling import CouplingScale

Build = Callable[..., Workspace]
MASS = {"mass_GeV": 6}


def recoils(
    name: str = "sr0",
    *,
    signal: dict[str, Any] | None = None,
    reference: float = 1e-45,
    flux: str = "b8_rate",
) -> Workspace:
    """A nuclear recoil search by hand: a signal in cm², and solar neutrinos to 4 %."""
    spec: dict[str, Any] = {
        "channels": [
            {
                "name": name,
                "samples": [
                    {
                        "name": "wimp",
                        "data": [2.0, 1.0],
                        "modifiers": [{"name": "wimp_rate", "type": "normfactor", "data": None}],
                    },
                    {
                        "name": "b8",
                        "data": [4.0, 2.0],
                        "modifiers": [
                            {
                                "name": flux,
                                "type": "histosys",
                                "data": {"hi_data": [4.16, 2.08], "lo_data": [3.84, 1.92]},
                            }
                        ],
                    },
                ],
            }
        ],
        "observations": [{"name": name, "data": [5.0, 2.0]}],
        "measurements": [{"name": "m", "config": {"poi": "wimp_rate", "parameters": []}}],
        "version": "1.0.0",
    }
    scale = CouplingScale("wimp_rate", "sigma", "cm^2", reference)
    sidecar = {
        "nuhist_version": "0",
        "workspace_digest": digest(spec),
        "poi": {**asdict(scale), "meaning": scale.meaning, **({"signal": signal} if signal else {})},
        "channels": {name: {"samples": {}, "dataset": f"events of {name}"}},
        "parameters": {},
    }
    return Workspace(spec, sidecar, f"{name}.json")


def ln_likelihood(workspace: Workspace, values: dict[str, float]) -> float:
    """By pyhf, with a parameter that is not named at its start."""
    document = pyhf.Workspace(dict(workspace.spec))
    model = document.model(
        modifier_settings={"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}
    )
    start = dict(zip(model.config.par_names, model.config.suggested_init(), strict=True))
    return float(model.logpdf([*{**start, **values}.values()], document.data(model))[0])


@pytest.fixture
def lz(built: Build) -> Workspace:
    return built("lz_ws2024", hypothesis="magnetic-moment")


def test_a_flux_under_two_names_is_one_parameter(lz: Workspace) -> None:
    said: list[str] = []
    both = [lz, recoils()]
    choices: dict[str, Any] = {"correlate": {"b8_flux": "b8_rate"}, "poi": "mu_nu_squared"}
    with pytest.raises(ModelError, match=r"'b8_flux' has different sizes: .* use prefer=..."):
        combine(both, **choices)  # 12 % in one, 4 % in the other: which holds is for the user to say
    joint = combine(both, **choices, prefer="own", message=said.append)
    for alpha in (-1.5, 0.0, 0.7):
        parts = ln_likelihood(lz, {"b8_flux": alpha}) + ln_likelihood(both[1], {"b8_rate": alpha})
        # The constraint of the shared parameter is there once, and in the parts twice.
        constraint = -0.5 * alpha**2 - 0.9189385332046727
        found = ln_likelihood(joint, {"b8_flux": alpha})
        assert found == pytest.approx(parts - constraint, rel=0, abs=1e-9)
    assert any("b8_flux is one parameter" in line and "counts times 1.04 and 0.96" in line for line in said)
    one = combine(both, **choices, prefer={"b8_flux": "lz_ws2024"})
    (normsys,) = {
        (m["data"]["hi"], m["data"]["lo"]) for s in lz.spec["channels"][0]["samples"]
        for m in s["modifiers"] if m["name"] == "b8_flux"
    }  # fmt: skip
    (flux,) = one.spec["channels"][1]["samples"][1]["modifiers"]
    assert flux["data"] == {
        "hi_data": [4 * normsys[0], 2 * normsys[0]],
        "lo_data": [4 * normsys[1], 2 * normsys[1]],
    }


def test_nothing_shared_is_the_sum(lz: Workspace) -> None:
    both = [lz, recoils()]
    joint = combine(both, poi="mu_nu_squared")
    values = {"wimp_rate": 0.3, "mu_nu_squared": 0.2, "b8_rate": 0.4}
    parts = ln_likelihood(lz, {"mu_nu_squared": 0.2}) + ln_likelihood(
        both[1], {"wimp_rate": 0.3, "b8_rate": 0.4}
    )
    assert ln_likelihood(joint, values) == pytest.approx(parts, rel=0, abs=1e-9)


def test_several_names_in_a_file(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("correlate: {b8: [b8_rate, cevns], wimp_rate: 1}\n", encoding="utf-8")
    three = [recoils("a", flux="b8"), recoils("b"), recoils("c", flux="cevns")]
    joint = combine(three, **read_plan(plan))
    names = {m["name"] for c in joint.spec["channels"] for s in c["samples"] for m in s["modifiers"]}
    assert names == {"b8", "wimp_rate"}


@pytest.mark.parametrize(
    ("correlate", "message"),
    [
        ({"b8_flux": "nothing"}, "correlate=['b8_flux=nothing']: 'nothing' is no number, and no workspace"),
        ({"wimp_rate": "b8_rate"}, "'b8_rate' cannot become 'wimp_rate', which exists"),
        ({"b8": "b8_rate", "c": "b8_rate"}, "correlate=['c=b8_rate']: it is b8 already"),
        ({"b8": [3]}, "correlate: b8: 3 is no name of a parameter"),
    ],
)
def test_names_that_cannot_be_one(correlate: Any, message: str) -> None:
    with pytest.raises((ConfigError, ModelError, OptionError), match="^.*" + re.escape(message)):
        combine([recoils("a"), recoils("b", flux="b8_flux")], correlate=correlate)


def test_interest_of_the_other_is_held(lz: Workspace) -> None:
    said: list[str] = []
    joint = combine(
        [lz, recoils()], poi="mu_nu_squared", fixed={"wimp_rate": 0, "b8_rate": None}, message=said.append
    )
    blocks = {each["name"]: each for each in joint.spec["measurements"][0]["config"]["parameters"]}
    assert blocks["wimp_rate"] == {"name": "wimp_rate", "inits": [0.0], "fixed": True}
    assert blocks["b8_rate"] == {"name": "b8_rate", "inits": [0.0], "fixed": True}
    assert "wimp_rate is held at 0" in said
    # With all that the recoils vary held, they say nothing of the moment.
    assert limit(joint).upper == pytest.approx(limit(lz).upper, rel=1e-6)
    assert coupling_scale(joint, "wimp_rate").meaning == "sigma / 1e-45 cm^2"  # it is not lost


@pytest.mark.parametrize(
    ("fixed", "kind", "message"),
    [
        ({"wimp": 0}, ConfigError, "'wimp'"),
        ({"mu_nu_squared": 0}, OptionError, "fixed={'mu_nu_squared': ...}: it is the parameter of interest"),
        ({"wimp_rate": -1}, ConfigError, "fixed={'wimp_rate': -1}: lies outside its bounds, 0 to 10"),
    ],
)
def test_what_cannot_be_held(lz: Workspace, fixed: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        combine([lz, recoils()], poi="mu_nu_squared", fixed=fixed)


def test_signals_of_two_masses_are_refused() -> None:
    light, heavy = recoils("a", signal=MASS), recoils("b", signal={"mass_GeV": 10})
    with pytest.raises(ModelError) as caught:
        combine([light, heavy], correlate=["b8_rate"])
    assert str(caught.value) == (
        "a.json and b.json share 'wimp_rate', but it is the signal of mass_GeV 6 here and 10 there; combine"
        " those of one signal, or choose another one with poi=... and say decorrelate=['wimp_rate']"
    )
    apart = combine([light, heavy], poi="b8_rate", decorrelate=["wimp_rate"])
    assert apart.sidecar is not None
    known = {entry["coupling"]["name"]: entry["coupling"] for entry in apart.sidecar["further"]}
    assert {name: entry["signal"]["mass_GeV"] for name, entry in known.items()} == {
        "a_wimp_rate": 6,
        "b_wimp_rate": 10,
    }


def test_another_reference_is_rescaled_where_both_are_known_and_refused_where_one_is() -> None:
    one, other = recoils("a", signal=MASS), recoils("b", signal=MASS, reference=2e-45)
    joint = combine([one, other], correlate=["b8_rate"])
    assert [channel["samples"][0]["data"] for channel in joint.spec["channels"]] == [[2, 1], [1, 0.5]]
    assert joint.sidecar is not None
    assert joint.sidecar["poi"]["signal"] == MASS
    with pytest.raises(ModelError, match="nothing says that they mean the same"):
        combine([one, replace(other, sidecar=None)], correlate=["b8_rate"])


def test_the_same_events_under_another_name() -> None:
    again = recoils("again")
    assert again.sidecar is not None
    again.sidecar["channels"]["again"]["dataset"] = "events of sr0"
    with pytest.raises(ConfigError, match=r"hold the same events \(events of sr0, by channel 'again'\)"):
        combine([recoils(), again], correlate=["b8_rate"])
