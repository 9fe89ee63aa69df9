"""Models to share, submissions made from them, and their contents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nuhist import build, build_patchset
from nuhist.cli.main import main
from tests.exchange.hepdata.submissions import FOREIGN, extract, write_small

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def run() -> Run:
    """``nuhist ARGUMENTS`` in this process."""

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return call


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small workspace with its sidecar."""
    return write_small(tmp_path)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """moment.json, charge.json, foreign.json, and the patchset grid/; not to be written to."""
    folder = tmp_path_factory.mktemp("inputs")
    for name, hypothesis in (("moment", "magnetic-moment"), ("charge", "millicharge-fea")):
        build("lz_ws2022", hypothesis=hypothesis, background="paper").save(folder / f"{name}.json")
    couplings = [value * 1e-13 for value in (-3.4, -2.55, -1.7, -0.85, 0, 0.85, 1.7, 2.55, 3.4)]
    grid = build_patchset("lz_ws2022", hypothesis="millicharge-epa", background="paper", couplings=couplings)
    grid.save(folder / "grid")
    (folder / "foreign.json").write_text(json.dumps(FOREIGN), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def single(run: Run, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of one workspace."""
    folder = tmp_path_factory.mktemp("single") / "submission"
    result = run("hepdata", "build", "--data-license", "CC0-1.0", inputs / "moment.json", "-o", folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def several(run: Run, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A submission of a workspace, a signed one, a grid and a foreign one; and the messages."""
    folder = tmp_path_factory.mktemp("several") / "submission"
    paths = [inputs / name for name in ("moment.json", "charge.json", "grid", "foreign.json")]
    result = run("hepdata", "build", "--data-license", "CC0-1.0", *paths, "-o", folder)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""  # hepdata_lib likes to print
    return folder, result.stderr


@pytest.fixture
def unpacked_single(single: Path, tmp_path: Path) -> Path:
    """The likelihoods of the submission of one workspace, in a folder of their own."""
    return extract(single / "likelihoods.tar.gz", tmp_path / "likelihoods")
