"""HS3 documents of HistFactory models, from nuhist or from RooFit, as a workspace. Experimental."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nuhist.errors import ExchangeError, NuhistError
from nuhist.exchange.bins import same_edges
from nuhist.exchange.hs3.bin_errors import as_meant, errors_of_bins
from nuhist.exchange.hs3.data import channel_name, choose_data, edges_of
from nuhist.exchange.hs3.names import ParameterNames, parameter_of
from nuhist.exchange.hs3.write import NUHIST
from nuhist.exchange.remainder import ChannelTitles, complete_lumi, imported, read_remainder, restored_blocks
from nuhist.files import read_json
from nuhist.histfactory.validation import modifiers
from nuhist.histfactory.workspace import Workspace

# pyhf's interpolation, as RooFit's integers, as pyhs3's names and as HS3 has it from version 0.2.9 on.
_INTERPOLATION: Mapping[str, Sequence[Any]] = {
    "normsys": (None, 4, 5, "code4", {"type": "mult", "in": "poly6", "out": "exp"}),
    "histosys": (None, 4, "code4p", {"type": "add", "in": "poly6", "out": "poly1"}),
}


def import_hs3(
    path: Path,
    *,
    measurement: str | None = None,
    data: str | None = None,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace of an HS3 document whose distributions are HistFactory's.

    Parameters
    ----------
    path
        Path of the file.
    measurement
        Name of the analysis to read; by default the first, or the first with the same model and observed
        data.
    data
        Name of the data set, such as ``"obsData"``; by default the one that was observed. Asimov data are
        taken only if they are named here.
    command
        What the sidecar names as origin.
    message
        Called with a line of text for what is chosen or read differently than RooFit does.

    Raises
    ------
    DataError
        If the file cannot be read or is no JSON.
    ConfigError
        If there is no analysis or data set of that name.
    ExchangeError
        If something is missing, HistFactory JSON cannot hold it, or it is not clear which data were observed.
    ModelError
        If the result is no valid model.
    """
    document = read_json(path)
    try:
        return _Reader(document, str(path), measurement, data, message).workspace(command)
    except NuhistError:
        raise
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else f"is not as HS3 has it: {error}"
        raise ExchangeError(f"{path}: {what}") from error


class _Reader:
    def __init__(
        self,
        document: Any,
        origin: str,
        measurement: str | None,
        data: str | None,
        message: Callable[[str], None],
    ) -> None:
        if not isinstance(document, dict) or "hs3_version" not in document.get("metadata", {}):
            raise ExchangeError(f"{origin}: is no HS3: it has no metadata with an hs3_version")
        self.document, self.origin, self.message = document, origin, message
        self.distributions = _named(document["distributions"])
        kept = document.get("misc", {}).get(NUHIST)
        self.kept = read_remainder(kept, f"{origin}: misc.{NUHIST}")
        self.chosen = choose_data(document, measurement, data, origin, ours=kept is not None)
        self.analysis = self.chosen.analysis
        analyses = _named(document["analyses"])
        if len(analyses) > 1 and measurement is None:
            others = ", ".join(name for name in analyses if name != self.analysis["name"])
            message(f"{origin}: {self.analysis['name']} is read; with measurement=...: {others}")
        if self.chosen.others and data is None:
            message(
                f"{origin}: {self.chosen.name} are the data; with data=...: {', '.join(self.chosen.others)}"
            )
        points = _named(document["parameter_points"])
        point = points[self.analysis["init"]] if "init" in self.analysis else document["parameter_points"][0]
        self.values = _named(point["parameters"])
        self.models = [self._model(name) for name in self.chosen.entries]
        stored = self.kept.parameters.get(self.analysis["name"], ())
        self.names = ParameterNames(
            self.models,
            self.values,
            self.kept.staterrors,
            origin,
            lumi=any(block["name"] == "lumi" for block in stored),
        )
        self.lumi: dict[str, Any] = {}
        self.centres: dict[str, float] = {}

    def _model(self, name: str) -> Mapping[str, Any]:
        """A distribution that is a channel."""
        distribution = self.distributions[name]
        if distribution["type"] != "histfactory_dist":
            raise ExchangeError(
                f"{self.origin}: distribution '{name}' is of type {distribution['type']}; only"
                " histfactory_dist has a counterpart in HistFactory JSON"
            )
        samples = [
            {**sample, "modifiers": [as_meant(m, self.values, f"{self.origin}: {name}") for m in entries]}
            for sample in distribution["samples"]
            for entries in (sample.get("modifiers", ()),)
        ]
        return {**distribution, "samples": samples}

    def workspace(self, command: str | None) -> Workspace:
        data = _named(self.document["data"])
        channels, observations, titles = [], [], {}
        for distribution, observed in zip(self.models, self.chosen.entries.values(), strict=True):
            name = channel_name(distribution["name"])
            channels.append(
                {"name": name, "samples": [self._sample(s, distribution) for s in distribution["samples"]]}
            )
            counts = self._counts(data[observed], distribution)
            observations.append({"name": name, "data": counts})
            samples = {sample["name"]: sample["name"] for sample in distribution["samples"]}
            titles[name] = ChannelTitles(edges_of(distribution["axes"], len(counts)), samples)
        measurement = self._measurement(dict(modifiers({"channels": channels})))
        spec: dict[str, Any] = {
            "channels": channels,
            "observations": observations,
            "measurements": [measurement],
            "version": "1.0.0",
        }
        kind = self.chosen.kind
        return imported(spec, titles, self.kept, origin=self.origin, command=command, data=kind)

    def _counts(self, data: Mapping[str, Any], distribution: Mapping[str, Any]) -> list[float]:
        """Observed counts, in the bins of the distribution."""
        where = f"{self.origin}: data '{data['name']}'"
        if data.get("type", "binned") != "binned":
            raise ExchangeError(f"{where}: are {data['type']}; HistFactory JSON has binned data only")
        counts = list(data["contents"])
        ours, theirs = (
            edges_of(entry["axes"], len(counts)) for entry in (distribution, {**distribution, **data})
        )
        if (ours is None) != (theirs is None) or (
            ours is not None and theirs is not None and not same_edges(ours, theirs)
        ):
            raise ExchangeError(
                f"{where}: have other bin edges than {distribution['name']}; bring them together"
            )
        return counts

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
        channel = channel_name(distribution["name"])
        per_bin = "parameter" not in modifier and kind not in ("normfactor", *_INTERPOLATION)
        own = modifier["name"] if per_bin else parameter_of(modifier)
        name = self.names.of_bins(modifier, channel) if per_bin else self.names.of(own) or own
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
        errors = errors_of_bins(modifier, sample, distribution, self.document, where, self.message)
        return {"name": name, "type": kind, "data": errors}

    def _check_gaussian(self, modifier: Mapping[str, Any], where: str) -> None:
        """Refuse a constraint that is no Gaussian of width 1, and note where its centre is."""
        own = parameter_of(modifier)
        if "constraint_name" in modifier:
            centre, width = self._gaussian(modifier, where)
            if width != 1.0:
                raise ExchangeError(f"{where}: its constraint is {centre:g} ± {width:g}; pyhf has ± 1 only")
        elif modifier.get("constraint", modifier.get("constraint_type", "Gauss")) != "Gauss":
            raise ExchangeError(f"{where}: its constraint is not Gaussian; pyhf has no other")
        else:
            centre = float(self.values.get(f"nom_{own}", {}).get("value", 0.0))
        self.centres[own] = centre

    def _gaussian(self, modifier: Mapping[str, Any], where: str) -> tuple[float, float]:
        """Centre and width of the distribution that constrains a parameter."""
        constraint = self.distributions[modifier["constraint_name"]]
        names = {constraint.get("x"), constraint.get("mean")}
        others = names - {parameter_of(modifier)}
        if constraint["type"] != "gaussian_dist" or len(names) != 2 or len(others) != 1:
            raise ExchangeError(f"{where}: '{constraint['name']}' is no Gaussian of its parameter")
        return self._value(others.pop()), self._value(constraint["sigma"])

    def _value(self, entry: Any) -> float:
        """A number, or the value of a parameter by its name."""
        return float(self.values[entry]["value"] if isinstance(entry, str) else entry)

    def _luminosity(self, modifier: Mapping[str, Any], where: str) -> dict[str, Any] | None:
        """A factor with a Gaussian constraint, which in HistFactory JSON is the luminosity."""
        if self.names.is_one(modifier):
            return None
        centre, width = self._gaussian(modifier, where)
        self.lumi.setdefault(parameter_of(modifier), {"auxdata": [centre], "sigmas": [width]})
        return {"name": "lumi", "type": "lumi", "data": None}

    def _measurement(self, kinds: Mapping[str, str]) -> dict[str, Any]:
        domains = _named(self.document["domains"])
        # RooFit writes null for a domain without axes.
        axes = _named([axis for name in self.analysis["domains"] for axis in domains[name]["axes"] or ()])
        found: dict[str, dict[str, Any]] = {}
        for parameter in dict.fromkeys((*self.values, *axes)):
            name = self.names.of(parameter)
            if name is None:
                continue
            block: dict[str, Any] = dict(self.lumi.get(parameter, {}))
            entry = self.values.get(parameter, {})
            if self.centres.get(parameter):
                block["auxdata"] = [self.centres[parameter]]
            if "value" in entry:
                block["inits"] = [float(entry["value"])]
            if {"min", "max"} <= axes.get(parameter, {}).keys():
                block["bounds"] = [[float(axes[parameter][key]) for key in ("min", "max")]]
            if entry.get("const", False):
                block["fixed"] = True
            found[name] = complete_lumi(block) if parameter in self.lumi else block
        for name in self.names.bins:
            fixed = self.names.fixed_bins(name)
            if fixed:
                found[name] = {"fixed": True}
            elif fixed is None:
                self.message(f"{self.origin}: '{name}' is constant in some bins, and here in none")
        interest = self.analysis.get("parameters_of_interest", ())
        if len(interest) > 1:
            self.message(f"{self.origin}: has {len(interest)} parameters of interest; {interest[0]} is taken")
        unknown = self.kept.interest.get(self.analysis["name"], "")
        poi = self.names.of(interest[0]) if interest else unknown
        if poi is None:
            raise ExchangeError(f"{self.origin}: its parameter of interest '{interest[0]}' is in no modifier")
        blocks = restored_blocks(found, kinds, self.kept.parameters.get(self.analysis["name"], ()))
        return {"name": self.analysis["name"], "config": {"poi": poi, "parameters": blocks}}


def _named(entries: Any) -> dict[str, dict[str, Any]]:
    """Entries of a list by name; a ValueError if two have one name and are not the same."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if found.setdefault(entry["name"], entry) != entry:
            raise ValueError(f"'{entry['name']}' is there twice")
    return found
