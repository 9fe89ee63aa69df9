"""alea's own likelihood of a model, from the templates at the anchors; alea is not needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log, pi, prod

import numpy as np

from nuhist.exchange.alea.model import AleaModel, Source, Term
from nuhist.exchange.alea.templates import Grid, Templates
from nuhist.tables import Array


@dataclass(frozen=True, eq=False)
class AleaLikelihood:
    """Binned Poisson terms and normal constraints.

    Attributes
    ----------
    model
        With its parameters.
    grids
        By names of term and source.
    observed
        Counts per bin, by term.
    measured
        Central values of constraints where they are not the nominal ones.
    """

    model: AleaModel
    grids: Mapping[tuple[str, str], Grid]
    observed: Mapping[str, Array]
    measured: Mapping[str, float]

    def values(self, changed: Mapping[str, float] | None = None) -> dict[str, float]:
        """All values that counts depend on, nominal where nothing else is said."""
        return {each.name: each.value for each in self.model.used()} | dict(changed or {})

    def counts(self, term: Term, source: Source, values: Mapping[str, float]) -> Array:
        """Expected events per bin of a source, shape (bins,)."""
        factor = prod(values[each.name] for each in self.model.factors(term, source))
        return factor * self.grids[term.name, source.name].counts(values)

    def expected(self, term: Term, values: Mapping[str, float]) -> Array:
        """Expected events per bin of a term, shape (bins,)."""
        nothing = np.zeros(term.bins)
        return sum((self.counts(term, source, values) for source in term.sources), nothing)

    def log_likelihood(self, changed: Mapping[str, float] | None = None) -> float:
        """Logarithm of alea's likelihood, normalisations included."""
        from scipy.special import gammaln, xlogy

        values = self.values(changed)
        total = 0.0
        for term in self.model.terms:
            expected, observed = self.expected(term, values), self.observed[term.name]
            if (expected < 0).any():
                return -inf
            total += float(np.sum(xlogy(observed, expected) - expected - gammaln(observed + 1)))
        for each in self.model.parameters.values():
            if each.sigma is not None:
                centre = self.measured.get(each.name, each.value)
                pull = (values.get(each.name, each.value) - centre) / each.sigma
                total -= pull**2 / 2 + log(each.sigma) + log(2 * pi) / 2
        return total


def read_grids(model: AleaModel) -> dict[tuple[str, str], Grid]:
    """Templates of all sources."""
    templates = Templates(model)
    return {
        (term.name, source.name): templates.grid(term, source)
        for term in model.terms
        for source in term.sources
    }
