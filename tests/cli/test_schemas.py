"""What the commands print with ``--json`` is what nuhist/schemas/results.json says, key by key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from nuhist.errors import DataError
from nuhist.experiments.spectrum import Spectrum
from nuhist.histfactory.summary import WorkspaceSummary
from nuhist.inference.results import FitResult, Interval, Scan
from nuhist.inference.study_results import Coverage, GoodnessOfFit, Ranking, Significance
from nuhist.methods.contour import Contour
from nuhist.schemas import check, load

RESULTS: dict[str, type] = {
    "fit": FitResult,
    "interval": Interval,
    "scan": Scan,
    "spectrum": Spectrum,
    "workspace_summary": WorkspaceSummary,
    "significance": Significance,
    "goodness_of_fit": GoodnessOfFit,
    "ranking": Ranking,
    "contour": Contour,
    "coverage": Coverage,
}
SPECTRUM = ("spectrum", "lz_ws2022", "--hypothesis", "magnetic-moment", "--coupling", "2e-11")
# Kind of result, command, workspace.
COMMANDS: list[tuple[str, tuple[str, ...], str | None]] = [
    ("fit", ("fit",), "moment.json"),
    ("fit", ("fit",), "charge.json"),
    ("fit", ("fit", "--test-poi", "0.5"), "moment.json"),
    ("interval", ("limit",), "moment.json"),
    ("interval", ("limit", "--expected"), "charge.json"),
    ("interval", ("limit", "--method", "cls", "--expected"), "moment.json"),
    ("scan", ("scan", "--range", "0:2e-11:3"), "moment.json"),
    ("scan", ("scan", "--range=-3e-13:3e-13:3"), "charge.json"),
    ("spectrum", SPECTRUM, None),
    ("workspace_summary", ("inspect",), "moment.json"),
    ("interval", ("limit", "--method", "feldman-cousins", "--ntoys", "50", "--points", "4"), "moment.json"),
    ("significance", ("significance",), "moment.json"),
    ("significance", ("significance", "--ntoys", "50"), "moment.json"),
    ("goodness_of_fit", ("gof",), "moment.json"),
    ("goodness_of_fit", ("gof", "--ntoys", "50"), "moment.json"),
    ("ranking", ("ranking",), "moment.json"),
    ("contour", ("contour", "--parameters", "mu_nu_squared,lz_ws2022_background_norm"), "moment.json"),
    ("coverage", ("coverage", "--range", "0:1e-11:2", "--ntoys", "50"), "moment.json"),
]


def validator(kind: str) -> Draft202012Validator:
    """For one of the kinds alone, so that no other can stand in."""
    return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": load("results")["$defs"]})


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """All JSON objects in a document that stand for records, not for maps from any name."""
    if isinstance(value, dict):
        yield value
        for key, item in value.items():
            if key not in {"observed", "expected", "coverage", "error", "shift"}:
                yield from objects(item)
    elif isinstance(value, list):
        for item in value[:1]:
            yield from objects(item)


@pytest.fixture(scope="module")
def outputs(run: Callable[..., Any], workspaces: Path) -> list[tuple[str, Any]]:
    """Kind and parsed output of every command."""
    found = []
    for kind, arguments, workspace in COMMANDS:
        place = [] if workspace is None else [workspaces / workspace]
        result = run(*arguments, *place, "--json")
        assert result.exit_code == 0, result.stderr
        found.append((kind, json.loads(result.stdout)))
    return found


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(load("results"))
    assert set(RESULTS) <= set(load("results")["$defs"])


def test_outputs_are_valid(outputs: list[tuple[str, Any]]) -> None:
    assert {kind for kind, _ in outputs} == set(RESULTS)
    for kind, document in outputs:
        validator(kind).validate(document)
        check(document, "results", kind, DataError)  # and as nuhist itself would: one of the kinds


def test_without_a_sidecar_too(run: Callable[..., Any], workspaces: Path, tmp_path: Path) -> None:
    path = tmp_path / "alone.json"
    path.write_bytes((workspaces / "moment.json").read_bytes())
    for kind, command in (("fit", "fit"), ("workspace_summary", "inspect"), ("interval", "limit")):
        validator(kind).validate(json.loads(run(command, path, "--json").stdout))


def test_every_missing_key_is_noticed(outputs: list[tuple[str, Any]]) -> None:
    removed = 0
    for kind, document in outputs:
        for number, record in enumerate(objects(document)):
            for key in record:
                spoiled = copy.deepcopy(document)
                del list(objects(spoiled))[number][key]
                with pytest.raises(ValidationError, match=f"'{key}' is a required property"):
                    validator(kind).validate(spoiled)
                removed += 1
    assert removed > 100  # ten documents of about a dozen keys each


def test_every_extra_key_is_noticed(outputs: list[tuple[str, Any]]) -> None:
    for kind, document in outputs:
        for number, _ in enumerate(objects(document)):
            spoiled = copy.deepcopy(document)
            list(objects(spoiled))[number]["surprise"] = 1
            with pytest.raises(ValidationError, match="'surprise' was unexpected"):
                validator(kind).validate(spoiled)


@pytest.mark.parametrize("kind", RESULTS)
def test_keys_are_the_fields_of_the_result(kind: str) -> None:
    names = {field.name for field in fields(RESULTS[kind])}
    schema = load("results")["$defs"][kind]
    assert set(schema["properties"]) == names
    assert set(schema["required"]) == names


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("interval", "confidence_level", 90),
        ("interval", "upper", "1e-11"),
        ("interval", "workspace_digest", "abc"),
        ("fit", "p_value", 1.5),
        ("fit", "degrees_of_freedom", 1.5),
        ("scan", "delta_chi2", [-1.0]),
        ("spectrum", "flavor", "electron"),
        ("workspace_summary", "channels", []),
    ],
)
def test_wrong_values_are_noticed(outputs: list[tuple[str, Any]], kind: str, key: str, value: object) -> None:
    document = next(document for found, document in outputs if found == kind)
    with pytest.raises(ValidationError):
        validator(kind).validate({**document, key: value})
