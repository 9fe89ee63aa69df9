"""Whether rates have structures that are narrower than the steps in which they are folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.experiment import Experiment
from nuhist.experiments.response import Response, gauss
from nuhist.physics.called import innermost
from nuhist.physics.hypotheses import FlavorChoice, Hypothesis, RateOptions, active_flavors
from nuhist.physics.processes import PROCESSES
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.terms import evaluate_terms, own_product, own_rates
from nuhist.tables import Array

_FINE = 32  # energies in each interval, of which the response has four: some 3 eV apart where these have 30
_ALLOWED = 1e-3  # of the events in the fullest bin
_NEUTRINO = np.array([200.0, 1e3, 1e4])  # keV, at which cross sections are compared
_FUNCTIONS = np.stack([_NEUTRINO**0, 1 / _NEUTRINO, _NEUTRINO**-2, np.log(_NEUTRINO)], axis=1)
_Part = tuple[str, Callable[[Array], Array]]


def refuse_narrow(
    experiment: Experiment,
    response: Response,
    hypothesis: Hypothesis,
    flavor: FlavorChoice,
    options: RateOptions,
) -> None:
    """Refuse functions of a user that change between the energies at which a response has them.

    Each is integrated over the intervals of the response at eight times as many energies, which costs about
    as much as one evaluation does otherwise. Those of nuhist are smooth, or say where they are not.

    Parameters
    ----------
    experiment, response
        The detector.
    hypothesis, flavor, options
        What is tested, see :func:`nuhist.physics.terms.evaluate_terms`.

    Raises
    ------
    ConfigError
        If an expected count is off by more than a thousandth of the fullest bin.
    """
    left, width = response.left, response.width
    if not left.size:
        return
    shares = (np.arange(_FINE) + 0.5) / _FINE
    fine = left[:, None] + width[:, None] * shares
    seen = response.probability(left + width / 2)  # by bin and interval
    few, weights = gauss(left, width)
    for where, function in _parts(hypothesis, flavor, _on(experiment, options)):
        values = function(fine.ravel())
        values = values.reshape(-1, *fine.shape)
        coarse = (function(few.ravel()).reshape(-1, *few.shape) * weights).sum(axis=2)
        whole = values.mean(axis=2) * width
        missed = (whole - coarse) @ seen.T
        largest = (np.abs(values).mean(axis=2) * width @ seen.T).max(axis=1, initial=0.0)
        bad = np.abs(missed).max(axis=1, initial=0.0) > _ALLOWED * largest
        if bad.any():
            row = int(np.argmax(bad))
            interval = int(np.argmax(np.abs(whole - coarse)[row] * seen.sum(axis=0)))
            steep = int(np.argmax(np.abs(np.diff(values[row, interval]))))
            off = np.abs(missed[row]).max() / largest[row]
            raise ConfigError(
                f"hypothesis {hypothesis.name}: {where} change near T = {fine[interval, steep]:.5g} keV by"
                f" more than a step of {1e3 * width[interval]:.3g} eV can follow, so that counts would be off"
                f" by {100 * min(off, 1):.2g} % of the fullest bin; give energies around it in nodes, or the"
                " line of a signal that is no neutrino's as line"
            )


def _on(experiment: Experiment, options: RateOptions) -> RateOptions:
    body = PROCESSES[experiment.process].bodies(experiment.target)[0]
    return replace(options, target=experiment.target, process=experiment.process, nucleus=body.nucleus)


def _parts(hypothesis: Hypothesis, flavor: FlavorChoice, options: RateOptions) -> Iterator[_Part]:
    """Functions of a user that are folded, with words for the message."""
    if hypothesis.rates is not None and _is_outside(hypothesis.rates):
        yield "its rates", lambda energy: _stacked(own_rates(hypothesis, energy, options.target))
    for other, function in hypothesis.products.items():
        if _is_outside(function):
            where = f"the rates of its product with {other}"
            yield where, partial(own_product, hypothesis, other, target=options.target)
    if not hypothesis.of_neutrinos:
        return
    functions: list[tuple[Any, bool]] = [(hypothesis.other_terms.get(options.process), False)]
    if options.process == ELECTRON:
        functions = [(hypothesis.terms, False), (hypothesis.alternative, True)]
    for function, alternative in functions:
        for name in active_flavors(flavor) if function is not None and _is_outside(function) else ():

            def evaluated(energy: Array, name: Any = name, alternative: bool = alternative) -> Array:
                found = evaluate_terms(hypothesis, energy, name, options, alternative=alternative)
                return np.concatenate([_FUNCTIONS @ coefficients for coefficients in found.values()])

            yield f"its {'alternative' if alternative else 'terms'} of flavour {name}", evaluated


def _stacked(found: dict[int, Array]) -> Array:
    return np.stack(list(found.values()))


def _is_outside(function: Any) -> bool:
    return not str(getattr(innermost(function), "__module__", "")).startswith("nuhist.")
