"""Signal points that are chosen: their limits are those of fits at each coupling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import nuhist
from nuhist.errors import ConfigError
from nuhist.histfactory.model_set import model_set
from nuhist.histfactory.options import BuildOptions
from nuhist.histfactory.signal_points import signal_couplings
from nuhist.physics.hypotheses import HYPOTHESES, Dependence, get_hypothesis
from nuhist.tables import Array


def test_points_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    # A moment as if it were no polynomial: its limit is that of the moment, by a fit at each coupling.
    moment = get_hypothesis("magnetic-moment")
    general = replace(moment, name="general", dependence=Dependence.GENERAL, power=1, rrpa=False)
    monkeypatch.setitem(HYPOTHESES, "general", general)
    grid = nuhist.build_patchset("lz_ws2022", hypothesis="general", background="paper")
    exact = nuhist.limit(nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper"))
    found = nuhist.limit(grid)
    assert found.upper == pytest.approx(exact.upper, rel=5e-3)
    assert grid.points[0].value == 0.0  # the sign cannot be seen
    assert 13 <= len(grid.points) <= 40


@pytest.mark.thorough
def test_points_of_a_signed_coupling_have_both_signs() -> None:
    models = model_set(["xenonnt_sr0"], get_hypothesis("millicharge-epa"), "e", BuildOptions())
    low, *_, high = signal_couplings(models)
    assert low < 0 < high


@pytest.mark.thorough
def test_a_coupling_that_nobody_sees_has_no_points(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = replace(get_hypothesis("millicharge-epa"), name="weak", reference=1e-40)

    def nothing(energy: Array, *_: Any) -> Mapping[int, Array]:
        return {2: np.zeros((4, *energy.shape))}

    monkeypatch.setitem(HYPOTHESES, "weak", replace(weak, terms=nothing, alternative=nothing))
    with pytest.raises(ConfigError, match=r"weak: no experiment sees its coupling between .* give a grid"):
        nuhist.build_patchset("xenonnt_sr0", hypothesis="weak")
