"""Which of the data sets of an HS3 document are data, and in which bins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError, unknown_name
from nuhist.histfactory.data_kind import DataKind
from nuhist.tables import Array

# Names that say that nobody observed the counts, such as RooFit's asimovData.
_ASIMOV = re.compile(r"asimov|expect", re.IGNORECASE)
_SIMULATED = re.compile(r"asimov|expect|toy|pseudo|simul|generat|inject|fake|blind", re.IGNORECASE)

MODEL = "model_"


def channel_name(distribution: str) -> str:
    """The channel of a distribution, by the name that RooFit gives it."""
    return distribution.removeprefix(MODEL)


@dataclass(frozen=True)
class Chosen:
    """An analysis with one of the data sets of its model.

    Attributes
    ----------
    analysis
        The one that has these data, if there is one.
    name, others
        Name of the data set, and names of those that were not chosen.
    entries
        By distribution of the model, the name of its entry in ``data``.
    """

    analysis: Mapping[str, Any]
    name: str
    entries: Mapping[str, str]
    others: tuple[str, ...]

    @property
    def kind(self) -> DataKind | None:
        """What the data are by their name; None where it does not say that nobody observed them."""
        if _ASIMOV.search(self.name):
            return "asimov"
        return "toy" if _SIMULATED.search(self.name) else None


def choose_data(
    document: Mapping[str, Any],
    measurement: str | None,
    name: str | None,
    origin: str,
    *,
    ours: bool = False,
) -> Chosen:
    """The analysis to read, and its data.

    By default this is the first analysis, or the first with the same model that has the data; and the data
    set that was observed. What nuhist wrote (``ours``) says itself what its data are: one data set alone is
    taken, whatever it is called.

    Raises
    ------
    ConfigError
        If there is no analysis or no data set of this name.
    ExchangeError
        If by their names no data were observed, or several data sets were.
    """
    analyses = {entry["name"]: entry for entry in document["analyses"]}
    likelihoods = {entry["name"]: entry for entry in document["likelihoods"]}
    if not analyses:
        raise ExchangeError(f"{origin}: has no analyses")
    if measurement is not None and measurement not in analyses:
        raise unknown_name(f"analysis of {origin}", measurement, analyses)
    first = analyses[measurement or next(iter(analyses))]
    model = list(likelihoods[first["likelihood"]]["distributions"])
    sets: dict[str, dict[str, str]] = {}
    users: dict[str, Mapping[str, Any]] = {}
    for analysis in [first] if measurement else analyses.values():
        likelihood = likelihoods[analysis["likelihood"]]
        entries = dict(zip(likelihood["distributions"], likelihood["data"], strict=True))
        if entries.keys() == set(model):
            users.setdefault(set_name(entries), analysis)
            sets.setdefault(set_name(entries), entries)
    for key, entries in _complete_sets(document["data"], model).items():
        sets.setdefault(key, entries)
    if name is None and ours and len(sets) == 1:
        (name,) = sets
    elif name is None:
        # An analysis that was named has its own data or none.
        name = _observed(list(users), list(users if measurement else sets), origin)
    elif name not in sets:
        raise unknown_name(f"data set of {origin}", name, sets)
    others = tuple(key for key in sets if key != name)
    return Chosen(users.get(name, first), name, sets[name], others)


def set_name(pairs: Mapping[str, str]) -> str:
    """What a data set is called as a whole: ``obsData`` for ``obsData_A`` and ``obsData_B``."""
    stems = {data.removesuffix(f"_{channel_name(model)}") for model, data in pairs.items()}
    return stems.pop() if len(stems) == 1 else ", ".join(pairs.values())


def _complete_sets(data: Sequence[Mapping[str, Any]], model: Sequence[str]) -> dict[str, dict[str, str]]:
    """Data sets that no likelihood may use: one entry for each distribution, of one name."""
    names = {entry["name"] for entry in data}
    endings = [f"_{channel_name(distribution)}" for distribution in model]
    stems = [name.removesuffix(endings[0]) for name in names if name.endswith(endings[0])]
    found = {stem: [f"{stem}{ending}" for ending in endings] for stem in sorted(stems)}
    return {
        stem: dict(zip(model, entries, strict=True))
        for stem, entries in found.items()
        if names.issuperset(entries)
    }


def _observed(used: Sequence[str], known: Sequence[str], origin: str) -> str:
    """The one data set that was observed: of those that analyses use, else of all."""
    for names in (used, known):
        observed = [name for name in names if not _SIMULATED.search(name)]
        if len(observed) == 1:
            return observed[0]
        if observed:
            break
    what = "has several data sets" if observed else "has no data that were observed, by their names"
    raise ExchangeError(f"{origin}: {what}; choose with data=...: {', '.join(known)}")


def edges_of(axes: Sequence[Mapping[str, Any]], bins: int) -> Array | None:
    """Bin edges in keV, None where bins are only numbered; a ValueError if there are not so many bins."""
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
