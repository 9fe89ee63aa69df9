"""XENONnT's light-WIMP release in combination with LZ, and by the real alea; NUHIST_XENONNT names its folder.

The project ships nothing of it. The comparison with alea needs NUHIST_ALEA_PYTHON as well.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyhf
import pytest
import yaml

from nuhist import Workspace, build, combine
from nuhist.errors import ConfigError
from nuhist.exchange.alea.data import read_events
from nuhist.exchange.alea.document import read_model
from nuhist.exchange.alea.likelihood import AleaLikelihood, read_grids
from nuhist.exchange.alea.read import import_alea
from tests.exchange.alea_jobs import PYTHON, alea

RELEASE = os.environ.get("NUHIST_XENONNT")
SETTINGS = {"histosys": {"interpcode": "code4p"}, "normsys": {"interpcode": "code4"}}

pytestmark = pytest.mark.skipif(RELEASE is None, reason="no release here; NUHIST_XENONNT names its folder")


def _patterns() -> dict[tuple[str, str], str]:
    name = "wimp_si/template_XENONnT_{}_wimp_si_6_cevns_tly_{{t_ly:.1f}}_tqy_{{t_qy:.1f}}.h5"
    return {(term, "wimp"): name.format(term.lower()) for term in ("SR0", "SR1")}


def _release() -> Workspace:
    folder = Path(RELEASE or "")
    settings = [f"{term}/{source}={name}" for (term, source), name in _patterns().items()]
    return import_alea(
        folder / "statistical_model_base.yaml",
        templates=folder,
        data=[str(folder / "real_data.pkl")],
        settings=settings,
    )


class _Model:
    def __init__(self, workspace: Workspace) -> None:
        document = pyhf.Workspace(dict(workspace.spec))
        self.pyhf = document.model(modifier_settings=SETTINGS)
        self.data = document.data(self.pyhf)

    def ln_likelihood(self, values: Mapping[str, float]) -> float:
        return float(self.pyhf.logpdf([values[name] for name in self.pyhf.config.par_names], self.data)[0])


@pytest.mark.parametrize("shared", [False, True])
def test_a_combination_with_lz_is_the_sum(shared: bool) -> None:
    parts = [build("lz_ws2022", hypothesis="magnetic-moment"), _release()]
    choices: dict[str, Any] = {"poi": "wimp_rate_multiplier"}
    if shared:
        choices |= {"correlate": {"b8_flux": "b8_rate_multiplier"}, "prefer": "own"}
    joint, separate = _Model(combine(parts, **choices)), [_Model(part) for part in parts]
    config, generator = joint.pyhf.config, np.random.default_rng(3)
    for _ in range(20):
        point = {
            name: float(np.clip(generator.normal(start, 0.1 if start else 0.5), low, high))
            for name, start, (low, high) in zip(
                config.par_names, config.suggested_init(), config.suggested_bounds(), strict=True
            )
        }
        values = {"b8_rate_multiplier": point["b8_flux"], **point}
        expected = sum(part.ln_likelihood(values) for part in separate)
        if shared:  # the constraint is there once
            expected += (point["b8_flux"] ** 2 + np.log(2 * np.pi)) / 2
        assert joint.ln_likelihood(point) == pytest.approx(expected, rel=0, abs=1e-9)


def test_the_same_events_under_another_name_are_found() -> None:
    one = _release()
    other = _release()
    for channel in (*other.spec["channels"], *other.spec["observations"]):
        channel["name"] = f"again_{channel['name']}"
    assert other.sidecar is not None
    described = other.sidecar["channels"]
    renamed = {f"again_{name}": entry for name, entry in described.items()}
    other = replace(other, sidecar={**other.sidecar, "channels": renamed})
    with pytest.raises(ConfigError, match="hold the same events"):
        combine([one, other], correlate_common=True)


@pytest.mark.skipif(PYTHON is None, reason="no alea here; set NUHIST_ALEA_PYTHON to a Python that has it")
def test_the_real_alea_on_the_release(tmp_path: Path) -> None:
    folder = Path(RELEASE or "")
    path = folder / "statistical_model_base.yaml"
    model = read_model(path, templates=folder, patterns=_patterns())
    events = read_events([str(folder / "real_data.pkl")], model, lambda _: None)
    likelihood = AleaLikelihood(model, read_grids(model), events.counts, events.measured)
    generator, points = np.random.default_rng(19), []
    for _ in range(20):
        point = {}
        for each in model.used():
            if each.fittable:
                low, high = (0.0 if limit is None else limit for limit in each.limits)
                value = (
                    generator.uniform(0, 5)
                    if each.sigma is None
                    else generator.normal(each.value, each.sigma)
                )
                point[each.name] = float(np.clip(value, low, high))
        points.append(point)
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    for term in config["likelihood_config"]["likelihood_terms"]:
        for source in term["sources"]:
            if source["name"] == "wimp":
                source["template_filename"] = _patterns()[term["name"], "wimp"]
    config["likelihood_config"]["template_folder"] = str(folder.resolve())
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (tmp_path / "data.pkl").write_bytes((folder / "real_data.pkl").read_bytes())
    theirs = alea(tmp_path / "model.yaml", points, tmp_path, "data.pkl")
    ours = [likelihood.log_likelihood(point) for point in points]
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-10)  # rounding of sums of order 100
