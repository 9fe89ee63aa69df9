"""Commands on nuclei: what they print and refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def angle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weak mixing angle in XENONnT's first run on nuclei."""
    path = tmp_path_factory.mktemp("angle") / "angle.json"
    assert run("build", "xenonnt_cevns_sr0", "--hypothesis", "weak-mixing-angle", "-o", path).exit_code == 0
    return path


def test_fit_says_which_number_is_the_coupling(run: Run, angle: Path) -> None:
    # Parameter and coupling have one name and differ by a factor of 10⁶.
    said = run("fit", angle).stdout
    assert said.startswith("coupling delta_sin2_theta_w = ")
    assert "\n  the parameter delta_sin2_theta_w is (coupling delta_sin2_theta_w / 0.3) / " in said
