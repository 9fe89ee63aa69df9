"""The histograms of one channel: which are samples and which are variations, by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError
from nuhist.exchange.bins import describe_edges, same_edges
from nuhist.exchange.root.bin_labels import align_channel
from nuhist.exchange.root.histograms import BIN_TITLE, Histogram
from nuhist.exchange.root.write import DATA
from nuhist.exchange.samples import DOWN, UP, split_variations
from nuhist.tables import Array

_UNCERTAINTY = "_Uncertainty"

# A TH1F keeps seven digits: two histograms that differ by less have one shape.
_SAME_SHAPE = 1e-6


class NamedHistograms:
    """Samples, variations and observed counts of one folder."""

    def __init__(
        self,
        name: str,
        paths: Sequence[str],
        histograms: dict[str, Histogram],
        origin: str,
        message: Callable[[str], None],
    ) -> None:
        self.name = name
        self.origin = origin
        self.where = f"{origin}: {name}"
        for path in paths:
            refuse_other_edges(origin, path, paths[0], histograms)
        reference = next((path for path in paths if path.rpartition("/")[2] == DATA), paths[0])
        align_channel(paths, histograms, origin, reference)
        found = {path.rpartition("/")[2]: histograms[path] for path in paths}
        self.data = found.pop(DATA, None)
        self.edges = histograms[paths[0]].edges
        self.in_kev = histograms[paths[0]].x_title != BIN_TITLE and not histograms[reference].labels
        uncertainties = [name for name in found if name.endswith(_UNCERTAINTY)]
        self.pairs = split_variations([name for name in found if name not in uncertainties], self.where)
        self.samples = {sample: found[sample] for sample in self.pairs}
        self.found = found
        if not self.samples:
            raise ExchangeError(f"{self.where}: has no samples; expected CHANNEL/SAMPLE")
        self._refuse_hidden_variations()
        self._report_ambiguities(message)
        self.uncertainties: dict[str, list[tuple[str, Array]]] = {}
        for entry in uncertainties:
            sample, cause = self._owner(entry.removesuffix(_UNCERTAINTY), entry)
            self.uncertainties.setdefault(sample, []).append((cause, found[entry].counts))

    @property
    def causes(self) -> list[str]:
        """Names of all systematics that are variations."""
        return [cause for pairs in self.pairs.values() for cause in pairs]

    def to_spec(self, signal: Sequence[str], poi: str, *, staterror: bool) -> dict[str, Any]:
        """As HistFactory JSON."""
        samples = []
        for name, nominal in self.samples.items():
            modifiers: list[dict[str, Any]] = []
            if name in signal:
                modifiers.append({"name": poi, "type": "normfactor", "data": None})
            for cause, (up, down) in self.pairs[name].items():
                modifiers.append(
                    _systematic(cause, nominal.counts, self.found[up].counts, self.found[down].counts)
                )
            modifiers += [
                {"name": cause, "type": "shapesys", "data": uncertainty.tolist()}
                for cause, uncertainty in self.uncertainties.get(name, ())
            ]
            errors = _statistical_errors(nominal) if staterror else None
            if errors is not None:
                entry = {"name": f"staterror_{self.name}", "type": "staterror", "data": errors.tolist()}
                modifiers.append(entry)
            samples.append({"name": name, "data": nominal.counts.tolist(), "modifiers": modifiers})
        return {"name": self.name, "samples": samples}

    def observation(self, signal: Sequence[str], *, asimov: bool) -> dict[str, Any]:
        """Observed counts as HistFactory JSON."""
        if asimov:
            kept = [entry.counts for name, entry in self.samples.items() if name not in signal]
            counts = np.sum(kept, axis=0) if kept else np.zeros(len(self.edges) - 1)
        elif self.data is None:
            raise ExchangeError(
                f"{self.where}: has no histogram '{DATA}' with the observed counts; add it, or observe what"
                " is expected without the signal: asimov=True"
            )
        else:
            counts = self.data.counts
        return {"name": self.name, "data": counts.tolist()}

    def describe(self) -> dict[str, Any]:
        """What the sidecar says of the channel."""
        titles = {name: entry.title or name for name, entry in self.samples.items()}
        return {"edges_keV": self.edges.tolist(), "samples": titles, "sources": [self.origin]}

    def _refuse_hidden_variations(self) -> None:
        """Refuse pairs that only look like two samples, such as nu_fluxUp and nu_fluxDown."""
        lower = {name.lower(): name for name in self.samples}
        for name in self.samples:
            stem = name.lower().removesuffix("up")
            if stem != name.lower() and f"{stem}down" in lower:
                raise ExchangeError(
                    f"{self.where}: {name} and {lower[f'{stem}down']} look like variations; write"
                    f" SAMPLE_SYSTEMATIC{UP} and SAMPLE_SYSTEMATIC{DOWN}"
                )

    def _report_ambiguities(self, message: Callable[[str], None]) -> None:
        for sample, pairs in self.pairs.items():
            for cause, (up, _) in pairs.items():
                others = [
                    other for other in self.samples if other != sample and sample.startswith(f"{other}_")
                ]
                if others:
                    message(f"{self.where}: {up} taken for '{cause}' of {sample}, not of {others[0]}")

    def _owner(self, stem: str, name: str) -> tuple[str, str]:
        owners = [sample for sample in self.samples if stem.startswith(f"{sample}_")]
        if not owners:
            raise ExchangeError(f"{self.where}: {name}: no sample has a name that it begins with")
        owner = max(owners, key=len)
        return owner, stem.removeprefix(f"{owner}_")


def report_outside(origin: str, histograms: Mapping[str, Histogram], message: Callable[[str], None]) -> None:
    """Say which histograms have counts outside their bins, which are left out."""
    found = [
        f"{path} ({entry.underflow:g} below, {entry.overflow:g} above)"
        for path, entry in histograms.items()
        if entry.underflow or entry.overflow
    ]
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        message(f"{origin}: counts outside the bins are left out: {', '.join(found[:3])}{more}")


def refuse_other_edges(origin: str, path: str, sibling: str, histograms: Mapping[str, Histogram]) -> None:
    """Refuse a histogram that has other bins than another one of its channel."""
    edges, expected = histograms[path].edges, histograms[sibling].edges
    if same_edges(edges, expected):
        return
    ours, theirs = describe_edges(edges), describe_edges(expected)
    if ours == theirs:
        first = int(np.argmax(np.abs(edges - expected)))
        ours, theirs = f"edge {first} at {edges[first]:.10g}", f"at {expected[first]:.10g}"
    raise ExchangeError(
        f"{origin}: {path} has other bin edges than {sibling} ({ours}, and {theirs}); bring them to common"
        " bins"
    )


def _systematic(cause: str, nominal: Array, up: Array, down: Array) -> dict[str, Any]:
    """A normsys where both variations have the shape of their sample, else a histosys."""
    total = nominal.sum()
    if total > 0:
        factors = [float(varied.sum() / total) for varied in (up, down)]
        rounding = _SAME_SHAPE * nominal
        pairs = zip((up, down), factors, strict=True)
        # A normsys with a factor of 0 has no logarithm to interpolate.
        if min(factors) > 0 and all((np.abs(v - f * nominal) <= f * rounding).all() for v, f in pairs):
            return {"name": cause, "type": "normsys", "data": {"hi": factors[0], "lo": factors[1]}}
    data = {"hi_data": up.tolist(), "lo_data": down.tolist()}
    return {"name": cause, "type": "histosys", "data": data}


def _statistical_errors(histogram: Histogram) -> Array | None:
    """Errors of weighted events; None where they are but the roots of the counts, or not known."""
    variances = histogram.variances
    if variances is None or not variances.any():
        return None
    if np.allclose(variances, histogram.counts, rtol=_SAME_SHAPE, atol=0.0):
        return None
    return np.sqrt(variances)
