"""expected_results.json: what a reader of the archive must find again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nuhist.__about__ import __version__
from nuhist.errors import ExchangeError
from nuhist.exchange.hepdata.archive import read_json_file
from nuhist.exchange.hepdata.study import Study
from nuhist.histfactory.data_kind import DataKind
from nuhist.histfactory.patchset import SignalGrid
from nuhist.schemas import check

_PACKAGES = ("pyhf", "numpy", "scipy")


@dataclass(frozen=True, slots=True)
class ExpectedInterval:
    """One line of the README's table: an interval at a level by a method.

    ``lower``, ``upper`` and ``best_fit`` are in the coupling's unit, those with ``parameter_`` in that of
    the parameter of interest; None where one-sided or open.
    """

    method: str
    confidence_level: float
    delta_chi2: float | None
    lower: float | None
    upper: float | None
    best_fit: float
    parameter_lower: float | None
    parameter_upper: float | None
    parameter_best_fit: float


@dataclass(frozen=True, slots=True)
class ExpectedResults:
    """What is expected of one model.

    ``workspace``, ``background`` and ``patchset`` are names of files, or None. ``digest`` is that of the
    workspace, as ``pyhf digest`` prints it, or of the PatchSet where there is no workspace; ``twice_nll`` is
    −2 ln L at the best fit, constants included, as pyhf returns it, and None for a grid; ``min_chi2`` is 2NLL
    less that of the saturated model. Archives that do not say their ``data_kind`` have observed data.
    """

    name: str
    workspace: str | None
    background: str | None
    patchset: str | None
    digest: str
    coupling: str | None
    parameter: str | None
    unit: str | None
    twice_nll: float | None
    min_chi2: float
    intervals: tuple[ExpectedInterval, ...]
    data_kind: DataKind = "observed"


def expected_results(study: Study, files: Mapping[str, str]) -> ExpectedResults:
    """What is expected of a model whose files have these names by kind: workspace, background, patchset."""
    first = study.intervals[0] if study.intervals else None
    fitted = study.fit
    min_chi2 = fitted.min_chi2 if fitted is not None else first.min_chi2 if first is not None else 0.0
    digest = study.model.digest
    if isinstance(study.model, SignalGrid) and study.points is not None:
        digest = study.points.digest  # its reference may be another record
    return ExpectedResults(
        name=study.name,
        workspace=files.get("workspace"),
        background=files.get("background"),
        patchset=files.get("patchset"),
        digest=digest,
        coupling=first.coupling if first else None,
        parameter=first.parameter if first else None,
        unit=first.unit if first else None,
        twice_nll=fitted.twice_nll if fitted is not None else None,
        min_chi2=min_chi2,
        intervals=tuple(
            ExpectedInterval(
                **{field: getattr(interval, field) for field in ExpectedInterval.__dataclass_fields__}
            )
            for interval in study.intervals
        ),
        data_kind=study.model.data_kind,
    )


def versions() -> dict[str, str]:
    """Versions of what made the numbers."""
    return {"nuhist": __version__, **{name: version(name) for name in _PACKAGES}}


def load_results(path: Path) -> tuple[tuple[ExpectedResults, ...], dict[str, str]]:
    """What is expected of each model, and the SHA-256 of each file by name, from expected_results.json.

    Raises
    ------
    ExchangeError
        If it cannot be read or does not follow nuhist/schemas/hepdata.json.
    """
    document = read_json_file(path)
    check(document, "hepdata", path.name, ExchangeError)
    models = []
    for entry in document["models"]:
        intervals = tuple(ExpectedInterval(**interval) for interval in entry["intervals"])
        models.append(ExpectedResults(**{**entry, "intervals": intervals}))
    return tuple(models), dict(document["files"])


def to_document(models: tuple[ExpectedResults, ...], files: Mapping[str, str]) -> dict[str, Any]:
    """The content of expected_results.json."""
    from dataclasses import asdict

    return {
        "versions": versions(),
        "models": [asdict(model) for model in models],
        "files": dict(files),
    }
