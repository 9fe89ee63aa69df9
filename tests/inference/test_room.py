"""A model that would not fit into memory is refused before it is built."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from nuhist import Workspace, fit
from nuhist.errors import ModelError
from nuhist.inference import room
from nuhist.inference.room import available_memory, needed_memory


def many(counting: Callable[..., Workspace], bins: int, errors: bool, norms: int = 0) -> Workspace:
    """A spectrum with a statistical error in each bin, or with many normalisations."""
    workspace = counting([40.0] * bins, [1.0] * bins, [39.0] * bins)
    sample = workspace.spec["channels"][0]["samples"][1]
    if errors:
        sample["modifiers"].append({"name": "stat", "type": "staterror", "data": [2.0] * bins})
    sample["modifiers"] += [
        {"name": f"n{index}", "type": "normsys", "data": {"hi": 1.01, "lo": 0.99}} for index in range(norms)
    ]
    return workspace


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize(("bins", "errors", "norms"), [(1000, True, 0), (2000, False, 100)])
def test_the_need_is_known_within_a_factor(
    counting: Callable[..., Workspace], bins: int, errors: bool, norms: int
) -> None:
    workspace = many(counting, bins, errors, norms)
    fit(many(counting, 5, errors, 3))  # what is imported once does not count
    tracemalloc.start()
    try:
        fit(workspace)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.4 < needed_memory(workspace) / taken < 4.0


def test_too_large_is_refused_with_a_line(
    counting: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = many(counting, 4000, errors=True)
    monkeypatch.setattr(room, "available_memory", lambda: 5e8)
    with pytest.raises(
        ModelError, match=r"counting\.json: its likelihood needs some 1\.\d GB .* are 0\.5 GB; "
    ):
        fit(workspace)
    monkeypatch.setattr(room, "available_memory", lambda: None)  # unknown: nothing is refused
    room.refuse_too_large(workspace)


def test_what_there_is() -> None:
    found = available_memory()
    assert found is None or found > 0


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_a_limit_of_the_shell_counts(counting: Callable[..., Workspace], tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    many(counting, 6000, errors=True).save(path)
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9));"
        "from nuhist.cli.main import main; main(['fit', sys.argv[1]])"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, str(path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert "its likelihood needs some" in done.stderr
    assert done.stderr.count("\n") == 1
