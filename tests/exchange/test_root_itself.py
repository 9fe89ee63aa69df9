"""ROOT reads what nuhist writes: with the wheel of PyPI (``pip install --pre root``), where it is installed.

``NUHIST_ROOT_PYTHON`` names a Python that has ROOT, if it is not this one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nuhist import Workspace
from nuhist.exchange.root.write import METADATA, save_root

pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")

PYTHON = os.environ.get("NUHIST_ROOT_PYTHON") or (sys.executable if find_spec("ROOT") else None)
SCRIPTS = Path(__file__).parent / "root"


def read(path: Path) -> dict[str, Any]:
    """What ROOT finds in a file."""
    if PYTHON is None:
        pytest.skip("ROOT is not installed; pip install --pre root, or set NUHIST_ROOT_PYTHON")
    arguments = [PYTHON, "-W", "ignore", str(SCRIPTS / "read.py"), str(path)]
    result = subprocess.run(arguments, capture_output=True, encoding="utf-8", check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_root_reads_the_templates(built: Callable[..., Workspace], tmp_path: Path) -> None:
    workspace = built("xenonnt_sr0", hypothesis="magnetic-moment")
    assert workspace.sidecar is not None
    save_root(workspace, tmp_path / "x.root")
    found = read(tmp_path / "x.root")
    described = workspace.sidecar["channels"]["xenonnt_sr0"]
    samples = {entry["name"]: entry["data"] for entry in workspace.spec["channels"][0]["samples"]}
    for name, counts in {**samples, "data": workspace.observed()["xenonnt_sr0"]}.items():
        histogram = found[f"xenonnt_sr0/{name}"]
        assert histogram["class"] == "TH1D"
        assert histogram["title"] == described["samples"].get(name, "data")
        assert histogram["axes"] == ["reconstructed energy [keVee]", "events / bin"]
        assert histogram["edges"] == described["edges_keV"]
        assert histogram["counts"] == counts
        assert histogram["outside"] == [0.0, 0.0]
        np.testing.assert_allclose(histogram["errors"], np.sqrt(counts), rtol=1e-15)
        centres = np.array(described["edges_keV"])
        centres = (centres[1:] + centres[:-1]) / 2
        assert histogram["mean"] == pytest.approx(np.average(centres, weights=counts), rel=1e-12)
    assert found[METADATA]["class"] == "TObjString"
    assert json.loads(found[METADATA]["text"])["sidecar"] == workspace.sidecar


def test_root_reads_errors_and_escaped_names(everything: dict[str, Any], tmp_path: Path) -> None:
    save_root(Workspace(everything), tmp_path / "x.root")
    found = read(tmp_path / "x.root")["first%2Fregion/³⁷Ar%20(a.b)"]
    assert found["counts"] == [10.0, 20.0, 0.1]
    assert found["errors"] == [1.0, 0.3, 0.1]
    assert found["axes"] == ["bin", "events / bin"]
