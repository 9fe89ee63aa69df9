"""The checks of a submission that a careful reader would make, offline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from nuhist.errors import ExchangeError
from nuhist.exchange.hepdata.archive import unpacked
from nuhist.exchange.hepdata.likelihood import README_FILE, RESULTS_FILE
from nuhist.exchange.hepdata.model_checks import Check, check_model
from nuhist.exchange.hepdata.readme import result_cells, row
from nuhist.exchange.hepdata.resource import likelihood_resource
from nuhist.exchange.hepdata.results import ExpectedResults, load_results
from nuhist.exchange.hepdata.submission import SUBMISSION_FILE, messages
from nuhist.inputs import is_file, read_bytes


@dataclass(frozen=True)
class Validation:
    """All checks of a submission."""

    path: str
    checks: tuple[Check, ...]

    @property
    def valid(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, and ``valid``."""
        return {"valid": self.valid, **asdict(self)}


def validate_submission(path: Path) -> Validation:
    """Check a submission (folder, tar or tar.gz), or the archive with the likelihoods alone.

    hepdata-validator's checks; the files' digests; pyhf reads each workspace, verifies and applies each
    PatchSet; fits with stock pyhf give the expected results; the README has the same numbers.

    Raises
    ------
    ExchangeError
        If an archive cannot be unpacked safely, or a file cannot be read or is missing.
    DataError
        If hepdata-validator is not installed.
    """
    with nullcontext(path) if path.is_dir() else unpacked(path) as folder:
        if (folder / SUBMISSION_FILE).is_file():
            checks = tuple(_check_submission(folder))
        elif (folder / RESULTS_FILE).is_file():
            checks = tuple(_check_likelihoods(folder))
        else:
            raise ExchangeError(f"{path}: is no submission: it has no {SUBMISSION_FILE}")
    return Validation(str(path), checks)


def _check_submission(folder: Path) -> Iterator[Check]:
    resource = likelihood_resource(folder)
    wrong = messages(folder)
    yield Check("hepdata-validator", not wrong, "; ".join(wrong) or "valid")
    yield Check("resource of type HistFactory", resource.file is not None, resource.detail)
    if resource.file is not None:
        with unpacked(resource.file) as inside:
            if not (inside / RESULTS_FILE).is_file():
                raise ExchangeError(f"{resource.file.name}: has no {RESULTS_FILE}; nuhist did not make it")
            yield from _check_likelihoods(inside)


def _check_likelihoods(folder: Path) -> Iterator[Check]:
    """Checks of an unpacked archive with likelihoods."""
    models, files = load_results(folder / RESULTS_FILE)
    yield _check_files(folder, files)
    yield _check_readme(folder, models)
    for model in models:
        yield from check_model(folder, model)


def _check_files(folder: Path, files: Mapping[str, str]) -> Check:
    wrong = [
        name
        for name, expected in files.items()
        if not is_file(folder / name) or sha256(read_bytes(folder / name)).hexdigest() != expected
    ]
    extra = sorted({path.name for path in folder.iterdir()} - files.keys() - {README_FILE, RESULTS_FILE})
    problems = [f"{name}: missing or changed" for name in wrong] + [f"{name}: not listed" for name in extra]
    return Check("files", not problems, "; ".join(problems) or f"{len(files)} have the SHA-256 expected")


def _check_readme(folder: Path, models: tuple[ExpectedResults, ...]) -> Check:
    path = folder / README_FILE
    if not path.is_file():
        return Check(README_FILE, False, "missing")
    lines = set(read_bytes(path).decode(errors="replace").splitlines())
    rows = [row(result_cells(model, interval)) for model in models for interval in model.intervals]
    missing = sum(line not in lines for line in rows)
    detail = f"{missing} of {len(rows)} results are not in it" if missing else f"has the {len(rows)} results"
    return Check(README_FILE, not missing, detail)
