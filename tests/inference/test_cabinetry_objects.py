"""Results as cabinetry's objects: the same numbers, and cabinetry draws them."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuhist.errors import DataError
from nuhist.histfactory.build import build
from nuhist.inference.cabinetry_objects import to_fit_results, to_ranking_results, to_scan_results
from nuhist.inference.fit import fit
from nuhist.inference.ranking import ranking
from nuhist.methods.limits import scan

pytest.importorskip("cabinetry", reason="cabinetry is not installed")


def workspace() -> Any:
    return build("lz_ws2022", hypothesis="magnetic-moment", background="paper")


def test_fit_results_have_the_numbers_of_the_fit() -> None:
    result = fit(workspace())
    found = to_fit_results(result)
    assert list(found.labels) == [entry.name for entry in result.parameters]
    assert found.bestfit == pytest.approx([entry.value for entry in result.parameters])
    assert found.best_twice_nll == result.twice_nll
    # A correlation matrix: symmetric, 1 on the diagonal of what was free to move.
    assert np.allclose(found.corr_mat, found.corr_mat.T)
    free = found.uncertainty > 0
    assert free.sum() >= 2
    assert np.allclose(np.diag(found.corr_mat)[free], 1)
    assert np.abs(found.corr_mat).max() <= 1 + 1e-9


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # both of matplotlib, inside cabinetry
@pytest.mark.filterwarnings("ignore:Attempting to set identical:UserWarning")
def test_cabinetry_draws_them(tmp_path: Path) -> None:
    import cabinetry

    model = workspace()
    components = build("lz_ws2022", hypothesis="magnetic-moment")
    cabinetry.visualize.correlation_matrix(to_fit_results(fit(model)), figure_folder=tmp_path)
    cabinetry.visualize.ranking(to_ranking_results(ranking(components)), figure_folder=tmp_path)
    cabinetry.visualize.scan(to_scan_results(scan(model, points=5)), figure_folder=tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.stat().st_size > 1000]) == 3


def test_a_missing_cabinetry_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("cabinetry"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    result = fit(workspace())
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(DataError, match=r"pip install 'nuhist\[cabinetry\]'"):
        to_fit_results(result)
