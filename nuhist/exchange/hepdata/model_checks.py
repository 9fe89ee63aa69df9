"""Checks of one model of an unpacked archive: digests, signal points, results."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nuhist.errors import NuhistError
from nuhist.exchange.hepdata.archive import read_json_file
from nuhist.exchange.hepdata.names import BACKGROUND, PATCHSET
from nuhist.exchange.hepdata.refit import Refit, StockModel, applied, refit_points, refit_workspace
from nuhist.exchange.hepdata.results import ExpectedInterval, ExpectedResults
from nuhist.histfactory.data_kind import describe
from nuhist.histfactory.interest import coupling_scale
from nuhist.histfactory.loading import load_patchset
from nuhist.histfactory.workspace import Workspace, digest, load_workspace, sidecar_path
from nuhist.inference.fit import fit
from nuhist.methods.limits import limit

_ENDS = 1e-3  # relative: of the ends of an interval
_TWICE_NLL = 1e-3  # absolute: of 2NLL and min_chi2
_CLS = 5e-3  # relative: of CLs at a limit, where it falls with the fourth power of the coupling


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is right, and what was found."""

    name: str
    passed: bool
    detail: str


def check_model(folder: Path, model: ExpectedResults) -> list[Check]:
    """Check one model of an unpacked archive against what is expected of it."""
    documents: dict[str, Any] = {}
    for kind in ("workspace", "background", "patchset"):
        file = getattr(model, kind)
        if file is not None:
            documents[kind] = read_json_file(folder / file)
    checks: list[Check] = []
    if model.workspace is not None:
        with _failing(f"{model.name}: workspace", checks):
            checks += _check_workspace(folder / model.workspace, model)
    if model.background is not None and model.patchset is not None:
        with _failing(f"{model.name}: pyhf patchset verify", checks):
            points = applied(documents["background"], documents["patchset"])
            detail = f"verified; {len(points)} signal points apply"
            checks.append(Check(f"{model.name}: pyhf patchset verify", True, detail))
            if model.workspace is None:
                checks += _check_grid(folder, model, documents["patchset"], points)
            else:
                checks.append(_check_points(load_workspace(folder / model.workspace), points, model))
    return checks


@contextmanager
def _failing(name: str, checks: list[Check]) -> Iterator[None]:
    """An error of nuhist or of pyhf is a failed check."""
    try:
        yield
    except NuhistError as error:
        checks.append(Check(name, False, " ".join(str(error).split())))
    except Exception as error:  # pyhf's have no root of their own
        reason = " ".join(str(error).split())[:300]
        checks.append(Check(name, False, f"pyhf: {type(error).__name__}: {reason}"))


def _check_workspace(path: Path, model: ExpectedResults) -> Iterator[Check]:
    workspace = load_workspace(path)
    yield _same_digest(model, workspace.digest)
    if "observed" not in {workspace.data_kind} & {model.data_kind}:
        detail = f"{describe(workspace.data_kind)}; expected {describe(model.data_kind)}"
        yield Check(f"{model.name}: data", workspace.data_kind == model.data_kind, detail)
    stock = StockModel(workspace.spec)
    profile = _interval(model, "profile")
    best = profile.parameter_best_fit if profile else None
    ends = (profile.parameter_lower, profile.parameter_upper) if profile else ()
    refit = refit_workspace(stock, best, ends, profile.delta_chi2 if profile else None)
    if model.twice_nll is not None:
        yield _close(f"{model.name}: stock pyhf, 2NLL", refit.twice_nll, model.twice_nll)
    if profile is not None:
        yield _same_ends(model, profile, refit)
    cls = _interval(model, "cls")
    if cls is not None and cls.parameter_upper is not None:
        found, expected = stock.cls(cls.parameter_upper), 1 - cls.confidence_level
        detail = f"CLs is {found:.5f} at the upper limit; expected {expected:.5f}"
        right = abs(found - expected) <= _CLS * expected
        yield Check(f"{model.name}: stock pyhf, CLs", right, detail)
    yield _close(f"{model.name}: min_chi2", fit(workspace).min_chi2, model.min_chi2)


def _check_grid(
    folder: Path, model: ExpectedResults, patchset: Mapping[str, Any], points: Mapping[float, Any]
) -> Iterator[Check]:
    yield _same_digest(model, digest(patchset))
    profile = _interval(model, "profile")
    if profile is None or profile.delta_chi2 is None:
        return
    refit = refit_points(points, (profile.parameter_lower, profile.parameter_upper), profile.delta_chi2)
    yield _same_ends(model, profile, refit)
    with TemporaryDirectory(prefix="nuhist-") as name:
        for kind, file in ((BACKGROUND, model.background), (PATCHSET, model.patchset)):
            source = folder / str(file)
            shutil.copyfile(source, Path(name) / f"{kind}.json")
            if sidecar_path(source).is_file():
                shutil.copyfile(sidecar_path(source), Path(name) / f"{kind}.meta.json")
        found = limit(load_patchset(Path(name)), confidence_level=profile.confidence_level)
    yield _close(f"{model.name}: min_chi2", found.min_chi2, model.min_chi2)


def _check_points(workspace: Workspace, points: Mapping[float, Any], model: ExpectedResults) -> Check:
    """First, middle and last point have the likelihood of the workspace at the same coupling.

    Up to a constant: a signed parameter of interest has a constraint in the workspace, ``mu`` has none.
    """
    stock = StockModel(workspace.spec)
    scale = coupling_scale(workspace, str(model.parameter))
    values = sorted(points)
    offsets = []
    for value in {values[0], values[len(values) // 2], values[-1]}:
        parameter = scale.to_parameter(value * scale.reference)
        offsets.append(StockModel(points[value]).profile(1.0) - stock.profile(parameter))
    spread = max(offsets) - min(offsets)
    detail = f"differences of 2NLL are the workspace's, to {spread:.1g}"
    return Check(f"{model.name}: signal points", spread <= _TWICE_NLL, detail)


def _interval(model: ExpectedResults, method: str) -> ExpectedInterval | None:
    return next((interval for interval in model.intervals if interval.method == method), None)


def _same_digest(model: ExpectedResults, found: str) -> Check:
    same = found == model.digest
    detail = found[:12] if same else f"{found[:12]}; expected {model.digest[:12]}"
    return Check(f"{model.name}: digest", same, detail)


def _close(name: str, found: float, expected: float) -> Check:
    return Check(name, abs(found - expected) <= _TWICE_NLL, f"{found:.5f}; expected {expected:.5f}")


def _same_ends(model: ExpectedResults, profile: ExpectedInterval, refit: Refit) -> Check:
    parts, right = [], True
    expected = (profile.parameter_lower, profile.parameter_upper)
    for word, found, end in zip(("lower", "upper"), refit.ends, expected, strict=True):
        if end is not None and found is not None:
            right &= bool(abs(found - end) <= _ENDS * abs(end))
            parts.append(f"{word} end {found:.6g}; expected {end:.6g}")
    name = f"{model.name}: stock pyhf, profile"
    return Check(name, right, ", ".join(parts) or "open on both sides, as expected")
