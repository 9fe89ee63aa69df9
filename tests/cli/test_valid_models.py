"""What is valid can be fitted, and a large workspace is checked in seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Spec = dict[str, Any]
LUMI = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "inits": [1.0], "bounds": [[0.9, 1.1]]}


def lumi_on_some(**block: Any) -> Spec:
    """A luminosity on the signal alone; the background has a norm and a shape."""
    shape = {"hi_data": [52.0, 41.0, 13.0], "lo_data": [48.0, 39.0, 11.0]}
    strengths = [
        {"name": name, "type": kind, "data": None} for name, kind in (("mu", "normfactor"), ("lumi", "lumi"))
    ]
    systematics = [
        {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": "shape", "type": "histosys", "data": shape},
    ]
    samples = [
        {"name": "signal", "data": [3.0, 6.0, 2.0], "modifiers": strengths},
        {"name": "background", "data": [50.0, 40.0, 12.0], "modifiers": systematics},
    ]
    return {
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": [52.0, 44.0, 11.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [block] if block else []}}],
        "version": "1.0.0",
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Spec], Path]:
    """Write a workspace to a file."""

    def to_file(spec: Spec) -> Path:
        path = tmp_path / "ws.json"
        path.write_text(json.dumps(spec), encoding="utf-8")
        return path

    return to_file


@pytest.mark.parametrize(
    ("block", "missing"),
    [
        ({}, "lumi has no inits, bounds, auxdata, sigmas, for which pyhf has no defaults"),
        ({"name": "lumi", "auxdata": [1.0], "sigmas": [0.02]}, "lumi has no inits, bounds, for which"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "fit", "limit", "inspect"])
def test_a_lumi_that_pyhf_cannot_build_is_refused_by_name(
    refused: Callable[..., str], write: Callable[[Spec], Path], block: Spec, missing: str, command: str
) -> None:
    assert missing in refused(command, write(lumi_on_some(**block)))


@pytest.mark.parametrize(("method", "upper"), [("profile", 2.34489), ("cls", 2.21024)])
def test_limits_with_a_lumi_on_some_samples(
    run: Callable[..., Result], write: Callable[[Spec], Path], method: str, upper: float
) -> None:
    # 90 %: Minuit's minimisation of pyhf's logpdf; CLs: pyhf.infer.hypotest. Both from outside nuhist.
    path = write(lumi_on_some(**LUMI))
    result = run("limit", path, "--method", method, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["upper"] == pytest.approx(upper, rel=1e-4)


def test_what_validate_builds_is_said(run: Callable[..., Result], write: Callable[[Spec], Path]) -> None:
    spec = lumi_on_some(**LUMI)
    assert json.loads(run("validate", write(spec), "--json").stdout)["model_built"] is True
    spec["channels"][0]["samples"][1]["modifiers"] += _normsys(10_000)
    result = run("validate", write(spec), "--json")
    assert json.loads(result.stdout)["model_built"] is False
    assert "too large to build pyhf's model of all of it; the rest is checked as a document" in result.stderr


def test_events_where_nothing_is_expected_are_not_valid(
    refused: Callable[..., str], write: Callable[[Spec], Path]
) -> None:
    """No matter of the document alone, but of its model, which validate builds."""
    spec = lumi_on_some(**LUMI)
    for sample in spec["channels"][0]["samples"]:
        sample["data"][2] = 0.0
    for counts in spec["channels"][0]["samples"][1]["modifiers"][1]["data"].values():
        counts[2] = 0.0
    assert "'SR', bin 2: 11 events observed where every sample expects 0" in refused("validate", write(spec))


def _normsys(number: int) -> list[Spec]:
    return [{"name": f"n{i}", "type": "normsys", "data": {"hi": 1.01, "lo": 0.99}} for i in range(number)]


def _many_modifiers() -> Spec:
    spec = lumi_on_some(**LUMI)
    spec["channels"][0]["samples"][1]["modifiers"] += _normsys(100_000)
    return spec


def _many_bins() -> Spec:
    spec, bins = lumi_on_some(**LUMI), 1_000_000
    for sample in spec["channels"][0]["samples"]:
        sample["data"] = [1.0 + 1e-7 * i for i in range(bins)]
    background = spec["channels"][0]["samples"][1]
    background["modifiers"] = [{"name": "stat", "type": "staterror", "data": [0.1] * bins}]
    spec["observations"][0]["data"] = [2] * bins
    return spec


def _many_channels() -> Spec:
    spec = lumi_on_some(**LUMI)
    (channel,), (observed,) = spec["channels"], spec["observations"]
    spec["channels"] = [{**channel, "name": f"c{i}"} for i in range(10_000)]
    spec["observations"] = [{**observed, "name": f"c{i}"} for i in range(10_000)]
    return spec


_MEASURED = """
import resource, sys
from nuhist.cli.main import main
try:
    main(sys.argv[1:])
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Not its ru_maxrss, which knows of the process that this one was forked from.
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print(used.ru_utime + used.ru_stime, peak, file=sys.stderr)
"""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("make", "command"),
    [
        (_many_modifiers, "validate"),
        (_many_bins, "validate"),
        (_many_channels, "validate"),
        (_many_channels, "inspect"),
    ],
)
def test_large_workspaces_take_seconds(
    write: Callable[[Spec], Path], make: Callable[[], Spec], command: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, command, str(write(make()))],
        capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seconds, kilobytes = map(float, done.stderr.splitlines()[-1].split())
    # CPU seconds, measured: 2 to 4; before, 20 to 45 (a schema that looked at each number, and counts that
    # were gathered anew for each channel).
    assert seconds < 10
    assert kilobytes < 1_000_000
