"""What the counts of a workspace are: observed, Asimov, a toy, or others that somebody gave."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nuhist.tables import Array

DataKind = Literal["observed", "asimov", "toy", "other"]
UNOBSERVED: tuple[DataKind, ...] = ("asimov", "toy")  # not to be presented as a measurement

_SAME = 1e-9  # relative: counts that are an expectation differ from it by rounding only
_LARGE = 20.0  # events expected where none at all is no observation: e^-20 is its probability
_DESCRIPTIONS: Mapping[DataKind, str] = {
    "observed": "observed",
    "asimov": "expected, Asimov",
    "toy": "simulated, toy",
    "other": "given by the user",
}


def describe(kind: DataKind) -> str:
    """What the data are, for readers: an attribute such as in "events (expected, Asimov)".

    Examples
    --------
    >>> describe("asimov")
    'expected, Asimov'
    """
    return _DESCRIPTIONS[kind]


def data_record(spec: Mapping[str, Any], kind: DataKind) -> dict[str, str]:
    """What a sidecar says of the data: their kind, and a digest of what it was said of."""
    return {"kind": kind, "digest": _digest(spec)}


def data_kind(spec: Mapping[str, Any], sidecar: Mapping[str, Any] | None) -> DataKind:
    """What the data of a workspace are.

    The sidecar says it of the data that it was written for; others that stand in their place are
    ``"other"``. Where nobody says it, counts that are not whole and exactly what the model
    expects at its start values, with or without the signal, are ``"asimov"``, all else ``"observed"``.

    Parameters
    ----------
    spec, sidecar
        Document and sidecar of a valid workspace.
    """
    record = (sidecar or {}).get("data")
    if record is not None:
        kind: DataKind = record["kind"]
        return kind if record["digest"] == _digest(spec) else "other"
    return "asimov" if _is_expectation(spec) else "observed"


def data_remarks(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """A warning where no bin has an event although many are expected, or nothing."""
    if any(any(entry["data"]) for entry in spec["observations"]):
        return ()
    expected = sum(float(counts.sum()) for counts in _expected(spec, 0.0).values())
    if expected <= _LARGE:
        return ()
    return (
        f"no events in any bin where {expected:.4g} are expected without the signal; if there are no data"
        " yet, observe what is expected: asimov=True",
    )


def response_remarks(sidecar: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What a sidecar warns of, such as a response that ends where recoils are seen."""
    channels = (sidecar or {}).get("channels", {}).values()
    return tuple(dict.fromkeys(text for each in channels for text in each.get("warnings", ())))


def _digest(spec: Mapping[str, Any]) -> str:
    """SHA-256 of the observed counts; 5 and 5.0 are one count."""
    found = hashlib.sha256()
    for entry in sorted(spec["observations"], key=lambda entry: str(entry["name"])):
        found.update(f"{entry['name']}\n{len(entry['data'])}\n".encode(errors="surrogatepass"))
        found.update(np.asarray(entry["data"], dtype="<f8").tobytes())
    return found.hexdigest()


def _is_expectation(spec: Mapping[str, Any]) -> bool:
    observed = {entry["name"]: np.asarray(entry["data"], dtype=np.float64) for entry in spec["observations"]}
    if all((counts == np.round(counts)).all() for counts in observed.values()):
        return False
    return any(
        all(
            np.allclose(observed[name], counts, rtol=_SAME, atol=0.0)
            for name, counts in _expected(spec, interest).items()
        )
        for interest in (0.0, None, 1.0)
    )


def _expected(spec: Mapping[str, Any], interest: float | None) -> dict[str, Array]:
    """Expected counts by channel at the start values, the parameter of interest at a value or its own."""
    config = spec["measurements"][0]["config"]
    values: dict[str, float] = {
        block["name"]: block["inits"][0] for block in config["parameters"] if block.get("inits")
    }
    if interest is not None:
        values[config["poi"]] = interest
    expected = {}
    for channel in spec["channels"]:
        total = np.zeros(len(channel["samples"][0]["data"]))
        for sample in channel["samples"]:
            counts, factor = np.asarray(sample["data"], dtype=np.float64), 1.0
            for modifier in sample["modifiers"]:
                value, kind = values.get(modifier["name"]), modifier["type"]
                if value is None:
                    continue
                if kind in ("normfactor", "lumi"):
                    factor *= value
                elif kind == "histosys" and value != 0:  # straight, as all of nuhist's that start off 0
                    high, low = (np.asarray(modifier["data"][key]) for key in ("hi_data", "lo_data"))
                    counts = counts + value * (high - low) / 2
            total += factor * counts
        expected[channel["name"]] = total
    return expected
