"""HS3 documents of HistFactory models, from nuhist or from RooFit, as a workspace. Experimental."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError, NuhistError, unknown_name
from nuhist.exchange.hs3 import NUHIST
from nuhist.exchange.remainder import ChannelTitles, imported, read_remainder, restored_blocks
from nuhist.files import read_json
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array

# pyhf's interpolation, as RooFit's integers, as pyhs3's names and as HS3 has it from version 0.2.9 on.
_INTERPOLATION: Mapping[str, Sequence[Any]] = {
    "normsys": (None, 4, 5, "code4", {"type": "mult", "in": "poly6", "out": "exp"}),
    "histosys": (None, 4, "code4p", {"type": "add", "in": "poly6", "out": "poly1"}),
}


def import_hs3(
    path: Path,
    *,
    measurement: str | None = None,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace of an HS3 document whose distributions are HistFactory's.

    Parameters
    ----------
    path
        Of the file.
    measurement
        Name of the analysis to read; the first by default.
    command
        What the sidecar names as origin.
    message
        Called with a line of text for what is chosen or read differently than RooFit does.

    Raises
    ------
    DataError
        If the file cannot be read or is no JSON.
    ConfigError
        If there is no analysis of that name.
    ExchangeError
        If something is missing, or HistFactory JSON cannot hold it.
    ModelError
        If the result is no valid model.
    """
    document = read_json(path)
    try:
        return _Reader(document, str(path), measurement, message).workspace(command)
    except NuhistError:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else f"is not as HS3 has it: {error}"
        raise ExchangeError(f"{path}: {what}") from error


class _Reader:
    def __init__(
        self, document: Any, origin: str, measurement: str | None, message: Callable[[str], None]
    ) -> None:
        if not isinstance(document, dict) or "hs3_version" not in document.get("metadata", {}):
            raise ExchangeError(f"{origin}: is no HS3: it has no metadata with an hs3_version")
        self.document, self.origin, self.message = document, origin, message
        self.distributions = _named(document["distributions"])
        analyses = _named(document["analyses"])
        if not analyses:
            raise ExchangeError(f"{origin}: has no analyses")
        if measurement is not None and measurement not in analyses:
            raise unknown_name(f"analysis of {origin}", measurement, analyses)
        self.analysis = analyses[measurement] if measurement else next(iter(analyses.values()))
        if len(analyses) > 1 and measurement is None:
            others = ", ".join(name for name in analyses if name != self.analysis["name"])
            message(f"{origin}: {self.analysis['name']} is read; with --measurement: {others}")
        points = _named(document["parameter_points"])
        point = points[self.analysis["init"]] if "init" in self.analysis else document["parameter_points"][0]
        self.values = _named(point["parameters"])
        self.kept = read_remainder(document.get("misc", {}).get(NUHIST), f"{origin}: misc.{NUHIST}")
        self.lumi: dict[str, dict[str, Any]] = {}

    def workspace(self, command: str | None) -> Workspace:
        likelihood = _named(self.document["likelihoods"])[self.analysis["likelihood"]]
        data = _named(self.document["data"])
        channels, observations, titles = [], [], {}
        for model, observed in zip(likelihood["distributions"], likelihood["data"], strict=True):
            distribution = self.distributions[model]
            if distribution["type"] != "histfactory_dist":
                raise ExchangeError(
                    f"{self.origin}: distribution '{model}' is of type {distribution['type']}; only"
                    " histfactory_dist has a counterpart in HistFactory JSON"
                )
            name = model.removeprefix("model_")
            channels.append(
                {"name": name, "samples": [self._sample(s, distribution) for s in distribution["samples"]]}
            )
            counts = list(data[observed]["contents"])
            observations.append({"name": name, "data": counts})
            samples = {sample["name"]: sample["name"] for sample in distribution["samples"]}
            titles[name] = ChannelTitles(_edges(distribution["axes"], len(counts)), samples)
        measurement = self._measurement(dict(modifiers({"channels": channels})))
        spec: dict[str, Any] = {
            "channels": channels,
            "observations": observations,
            "measurements": [measurement],
            "version": "1.0.0",
        }
        return imported(spec, titles, self.kept, origin=self.origin, command=command)

    def _sample(self, sample: Mapping[str, Any], distribution: Mapping[str, Any]) -> dict[str, Any]:
        where = f"{self.origin}: {distribution['name']}: sample '{sample['name']}'"
        found = []
        for modifier in sample.get("modifiers", ()):
            entry = self._modifier(modifier, sample, distribution, where)
            if entry is not None:
                found.append(entry)
        return {"name": sample["name"], "data": list(sample["data"]["contents"]), "modifiers": found}

    def _modifier(
        self,
        modifier: Mapping[str, Any],
        sample: Mapping[str, Any],
        distribution: Mapping[str, Any],
        where: str,
    ) -> dict[str, Any] | None:
        """A modifier as HistFactory JSON; None for a factor that is constantly 1."""
        kind = modifier["type"]
        name = _plain(modifier["parameter"]) if "parameter" in modifier else modifier["name"]
        where = f"{where}: {kind} '{name}'"
        data = modifier.get("data", {})
        if kind in _INTERPOLATION:
            code = modifier.get("interpolation", data.get("interpolation"))
            if code not in _INTERPOLATION[kind]:
                raise ExchangeError(f"{where}: interpolation {code} is not pyhf's")
            self._check_gaussian(modifier, where)
            if kind == "normsys":
                return {"name": name, "type": kind, "data": {key: data[key] for key in ("hi", "lo")}}
            sides = {f"{side}_data": list(data[side]["contents"]) for side in ("hi", "lo")}
            return {"name": name, "type": kind, "data": sides}
        if kind == "normfactor":
            if "constraint_name" in modifier:
                return self._luminosity(modifier, where)
            return {"name": name, "type": kind, "data": None}
        if kind == "staterror":
            said = distribution.get("staterror", {}).get("constraint_type") or modifier.get("constraint_type")
            if (said or modifier.get("constraint", "Gauss")) != "Gauss":
                self.message(f"{where}: its Poisson constraints become Gaussian ones, which pyhf has")
            channel = distribution["name"].removeprefix("model_")
            name = self.kept.staterrors.get(channel, f"staterror_{channel}")
            return {"name": name, "type": kind, "data": list(sample["data"]["errors"])}
        if kind == "shapefactor":
            return {"name": modifier["name"], "type": kind, "data": None}
        raise ExchangeError(
            f"{where}: has no counterpart in HistFactory JSON, or not one sure in its numbers"
        )

    def _check_gaussian(self, modifier: Mapping[str, Any], where: str) -> None:
        """Refuse a constraint that is no Gaussian of width 1 around 0."""
        if "constraint_name" in modifier:
            centre, width = self._gaussian(modifier, where)
            if (centre, width) != (0.0, 1.0):
                raise ExchangeError(f"{where}: its constraint is {centre:g} ± {width:g}; pyhf has 0 ± 1 only")
        elif modifier.get("constraint", modifier.get("constraint_type", "Gauss")) != "Gauss":
            raise ExchangeError(f"{where}: its constraint is not Gaussian; pyhf has no other")

    def _gaussian(self, modifier: Mapping[str, Any], where: str) -> tuple[float, float]:
        """Centre and width of the distribution that constrains a parameter."""
        constraint = self.distributions[modifier["constraint_name"]]
        names = {constraint.get("x"), constraint.get("mean")}
        others = names - {modifier["parameter"]}
        if constraint["type"] != "gaussian_dist" or len(names) != 2 or len(others) != 1:
            raise ExchangeError(f"{where}: '{constraint['name']}' is no Gaussian of its parameter")
        return self._value(others.pop()), self._value(constraint["sigma"])

    def _value(self, entry: Any) -> float:
        """A number, or the value of a parameter by its name."""
        return float(self.values[entry]["value"] if isinstance(entry, str) else entry)

    def _luminosity(self, modifier: Mapping[str, Any], where: str) -> dict[str, Any] | None:
        """A factor with a Gaussian constraint, which in HistFactory JSON is the luminosity."""
        parameter = modifier["parameter"]
        if self.values.get(parameter, {}).get("const", False) and self._value(parameter) == 1:
            return None
        centre, width = self._gaussian(modifier, where)
        self.lumi.setdefault(parameter, {"auxdata": [centre], "sigmas": [width]})
        if len(self.lumi) > 1:
            raise ExchangeError(f"{where}: is the second factor with a constraint; pyhf has one, its lumi")
        return {"name": "lumi", "type": "lumi", "data": None}

    def _measurement(self, kinds: Mapping[str, str]) -> dict[str, Any]:
        domains = _named(self.document["domains"])
        axes = _named([axis for name in self.analysis["domains"] for axis in domains[name]["axes"]])
        found: dict[str, dict[str, Any]] = {}
        for parameter in dict.fromkeys((*self.values, *axes)):
            name = "lumi" if parameter in self.lumi else _plain(parameter)
            if name not in kinds:
                continue
            block: dict[str, Any] = dict(self.lumi.get(parameter, {}))
            entry = self.values.get(parameter, {})
            if "value" in entry:
                block["inits"] = [float(entry["value"])]
            if {"min", "max"} <= axes.get(parameter, {}).keys():
                block["bounds"] = [[float(axes[parameter][key]) for key in ("min", "max")]]
            if entry.get("const", False):
                block["fixed"] = True
            found[name] = block
        interest = [_plain(name) for name in self.analysis.get("parameters_of_interest", ())]
        if len(interest) > 1:
            self.message(f"{self.origin}: has {len(interest)} parameters of interest; {interest[0]} is taken")
        blocks = restored_blocks(found, kinds, self.kept.parameters.get(self.analysis["name"], ()))
        config = {"poi": interest[0] if interest else "", "parameters": blocks}
        return {"name": self.analysis["name"], "config": config}


def _plain(parameter: str) -> str:
    """A parameter's name without RooFit's prefix of constrained ones."""
    return parameter.removeprefix("alpha_")


def _named(entries: Any) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in entries}


def _edges(axes: Sequence[Mapping[str, Any]], bins: int) -> Array | None:
    """Bin edges in keV; None where bins are only numbered.

    Raises
    ------
    ValueError
        If there is not one axis of so many bins with edges in order.
    """
    (axis,) = axes
    if "edges" in axis:
        edges = np.array(axis["edges"], dtype=np.float64)
    elif axis["nbins"] == bins:  # before there is an array of so many
        edges = np.linspace(axis["min"], axis["max"], bins + 1)
    else:
        edges = np.array([])
    if edges.shape != (bins + 1,) or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ValueError(f"the axis '{axis['name']}' has no {bins} bins with edges in order")
    return None if np.array_equal(edges, np.arange(bins + 1)) else edges
