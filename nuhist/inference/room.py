"""Whether a model fits into memory, before it is built."""

from __future__ import annotations

from pathlib import Path

from nuhist.errors import ModelError
from nuhist.histfactory.parameter_sets import parameter_sets
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace

# Measured: pyhf keeps some 25 numbers for each modifier in each bin of each sample, whether it acts there or
# not; a fit and its covariance take some 7 matrices of the parameters and 3 of parameters and bins.
_PYHF, _MATRICES, _DERIVATIVES = 25 * 8, 7 * 8, 3 * 8  # bytes
_GIGABYTE = 1e9


def needed_memory(workspace: Workspace) -> float:
    """Bytes that pyhf's model of a workspace and a fit of it take, roughly."""
    spec = workspace.spec
    bins = sum(map(len, workspace.observed().values()))
    samples = {sample["name"] for channel in spec["channels"] for sample in channel["samples"]}
    parameters = sum(entry.size for entry in parameter_sets(spec).values())
    cells = float(len(set(modifiers(spec)))) * len(samples) * bins
    return _PYHF * cells + _MATRICES * float(parameters) ** 2 + _DERIVATIVES * float(parameters) * bins


def available_memory() -> float | None:
    """Bytes that this process may still take, by the system, its limits and its group; None if unknown."""
    found = [_of_system(), _of_limit(), _of_group()]
    known = [size for size in found if size is not None]
    return min(known) if known else None


def refuse_too_large(workspace: Workspace) -> None:
    """Refuse a model that would not fit into memory.

    Raises
    ------
    ModelError
        With what it needs, what there is, and what to do.
    """
    needed = needed_memory(workspace)
    if needed < _GIGABYTE / 4:
        return
    available = available_memory()
    if available is not None and needed > available:
        raise ModelError(
            f"{workspace.origin}: its likelihood needs some {needed / _GIGABYTE:.1f} GB of memory and there"
            f" are {max(available, 0.0) / _GIGABYTE:.1f} GB; take fewer bins, samples or modifiers, or a"
            " larger machine"
        )


def _of_system() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return None


def _of_limit() -> float | None:
    try:
        from resource import RLIM_INFINITY, RLIMIT_AS, getpagesize, getrlimit

        limit = getrlimit(RLIMIT_AS)[0]
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * getpagesize()
    except (ImportError, OSError, ValueError, IndexError):
        return None
    return None if limit == RLIM_INFINITY else float(limit - taken)


def _of_group() -> float | None:
    folder = Path("/sys/fs/cgroup")
    try:
        most, taken, kinds = (
            (folder / f"memory.{name}").read_text(encoding="ascii").strip()
            for name in ("max", "current", "stat")
        )
        cached = next(float(line.split()[1]) for line in kinds.splitlines() if line.startswith("file "))
        return None if most == "max" else float(most) - float(taken) + cached  # which is given back
    except (OSError, ValueError, StopIteration):
        return None
