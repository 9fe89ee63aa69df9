"""Fits of nuhist for what stands on pyhf: ``pyhf.set_backend("numpy", nuhist.pyhf_optimizer())``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from pyhf import exceptions, get_backend
from pyhf.infer.mle import twice_nll
from pyhf.optimize.opt_minuit import minuit_optimizer
from pyhf.optimize.opt_scipy import scipy_optimizer
from scipy.optimize import OptimizeResult

from nuhist.errors import FitError
from nuhist.inference.compilation import compile_model
from nuhist.inference.compiled import CompiledModel
from nuhist.inference.covariance import covariance, not_told
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.search import possible_start
from nuhist.inference.steps import typical_steps
from nuhist.physics.coupling import CouplingScale
from nuhist.tables import Array

_CODES: Mapping[str, str] = {"normsys": "code4", "histosys": "code4p"}  # what is compiled
# What pyhf's optimizers take; nuhist's fits end where nothing is left to gain, whatever these say.
_OPTIONS = ("maxiter", "verbose", "tolerance", "method", "solver_options", "strategy")


def pyhf_optimizer(*, maxiter: int = 100_000, verbose: int = 0, **options: Any) -> PyhfOptimizer:
    """An optimizer for ``pyhf.set_backend`` that fits with nuhist's compiled likelihood.

    Parameters
    ----------
    maxiter, verbose
        As pyhf's own optimizers have them; for models that are left to these.
    options
        None: pyhf's way to say that there are no others.

    Raises
    ------
    pyhf.exceptions.Unsupported
        If there are other options.

    Examples
    --------
    >>> import nuhist, pyhf
    >>> pyhf.set_backend("numpy", nuhist.pyhf_optimizer())
    >>> model = pyhf.simplemodels.uncorrelated_background([5.0], [50.0], [7.0])
    >>> data = [55.0, *model.config.auxdata]
    >>> print(f"{pyhf.infer.hypotest(1.0, data, model):.4f}")
    0.7268
    >>> pyhf.set_backend("numpy", "scipy")
    """
    return PyhfOptimizer(maxiter=maxiter, verbose=verbose, **options)


class PyhfOptimizer:
    """See :func:`pyhf_optimizer`. A model of pyhf's is compiled once and kept as long as it lives.

    Models with other interpolation codes than 4 and 4p, other objectives than twice the negative log
    likelihood, and what else cannot be compiled are left to pyhf's own optimizers, said once for each reason.
    """

    name = "nuhist"

    def __init__(self, **options: Any) -> None:
        self.maxiter = options.pop("maxiter", 100_000)
        self.verbose = options.pop("verbose", 0)
        if options:
            raise exceptions.Unsupported(f"Unsupported kwargs were passed in: {list(options)}.")
        self._compiled: WeakKeyDictionary[Any, CompiledModel | str] = WeakKeyDictionary()
        self._said: set[str] = set()

    def minimize(
        self,
        objective: Any,
        data: Any,
        pdf: Any,
        init_pars: Sequence[float],
        par_bounds: Sequence[tuple[float | None, float | None]],
        fixed_vals: Sequence[tuple[int, float]] | None = None,
        return_fitted_val: bool = False,
        return_result_obj: bool = False,
        return_uncertainties: bool = False,
        return_correlations: bool = False,
        do_grad: bool | None = None,
        do_stitch: bool = False,
        **options: Any,
    ) -> Any:
        """Find the parameters that minimise the objective, with the interface of pyhf's optimizers.

        Returns
        -------
        Fitted parameters, with their uncertainties as a second column where these are asked for; then, as far
        as asked for, correlations, the fitted value, and a ``scipy.optimize.OptimizeResult``.

        Raises
        ------
        pyhf.exceptions.FailedMinimization
            If the fit does not converge.
        pyhf.exceptions.InvalidPdfData, pyhf.exceptions.InvalidPdfParameters
            If there are more or fewer data or parameters than the model has.
        pyhf.exceptions.Unsupported
            If there are options that no optimizer of pyhf's takes.
        """
        model = "the objective is not twice the negative log likelihood"
        compiled = self._model(pdf) if objective is twice_nll else model
        if isinstance(compiled, str):
            self._say(compiled)
            errors = return_uncertainties or return_correlations
            own = (minuit_optimizer if errors else scipy_optimizer)(
                maxiter=self.maxiter, verbose=self.verbose
            )
            return own.minimize(
                objective, data, pdf, init_pars, par_bounds, fixed_vals,
                return_fitted_val=return_fitted_val, return_result_obj=return_result_obj,
                return_uncertainties=return_uncertainties, return_correlations=return_correlations,
                do_grad=do_grad, do_stitch=do_stitch, **options,
            )  # fmt: skip
        unknown = [option for option in options if option not in _OPTIONS]
        if unknown:
            raise exceptions.Unsupported(f"Unsupported options were passed in: {unknown}.")
        _refuse_other_sizes(pdf, data, init_pars, par_bounds)
        likelihood = _likelihood(compiled, pdf, data, init_pars, par_bounds, fixed_vals or [])
        result = _result(success=True, message="nuhist: converged")
        try:
            minimum = likelihood.best()
        except FitError as error:
            result.update(success=False, message=str(error), x=likelihood.start, fun=np.nan)
            raise exceptions.FailedMinimization(result) from error
        tensorlib, _ = get_backend()
        result.update(x=minimum.parameters, fun=minimum.twice_nll, unc=None, corr=None)
        if return_uncertainties or return_correlations:
            result.update(_errors(likelihood, minimum))
        fitted = minimum.parameters
        if return_uncertainties:
            fitted = np.stack([fitted, result.unc], axis=1)
        result.x, result.fun = tensorlib.astensor(fitted), tensorlib.astensor(minimum.twice_nll)
        found = [result.x]
        if return_correlations:
            found.append(tensorlib.astensor(result.corr))
        if return_fitted_val:
            found.append(result.fun)
        if return_result_obj:
            found.append(result)
        return tuple(found) if len(found) > 1 else found[0]

    def _model(self, pdf: Any) -> CompiledModel | str:
        """The compiled model of one of pyhf's, or why there is none."""
        try:
            if pdf not in self._compiled:
                self._compiled[pdf] = _compile(pdf)
            return self._compiled[pdf]
        except TypeError:  # of an object that cannot be kept so
            return _compile(pdf)

    def _say(self, reason: str) -> None:
        if reason not in self._said:
            self._said.add(reason)
            warnings.warn(f"left to pyhf's own optimizer: {reason}", RuntimeWarning, stacklevel=3)


def _compile(pdf: Any) -> CompiledModel | str:
    settings = getattr(getattr(pdf, "config", None), "modifier_settings", None)
    if settings is None or not hasattr(pdf, "spec"):
        return "the model is no pyhf.Model"
    used = {kind for _, kind in pdf.config.modifiers}
    for kind, code in _CODES.items():
        asked = settings.get(kind, {}).get("interpcode", "that it has where none is named")
        if kind in used and asked != code:
            return f"{kind} with the interpolation {asked}; {code} is compiled"
    if getattr(pdf, "batch_size", None) is not None:
        return "a model with a batch size"
    try:
        return compile_model(pdf.spec, pdf)
    except (NotImplementedError, KeyError, TypeError, ValueError) as error:
        return f"the model cannot be compiled: {error}"


def _refuse_other_sizes(
    pdf: Any, data: Any, start: Sequence[float], bounds: Sequence[tuple[float | None, float | None]]
) -> None:
    """Refuse what does not belong to a model, with pyhf's own errors, and counts below nothing."""
    observed, parameters = np.asarray(data, dtype=np.float64), pdf.config.npars
    wanted = pdf.config.nmaindata + pdf.config.nauxdata
    if observed.shape != (wanted,) or len(start) != parameters:
        pdf.logpdf(start, data)  # raises
        raise exceptions.InvalidPdfData(
            f"data have the shape {observed.shape}; {wanted} numbers are expected"
        )
    if len(bounds) != parameters:
        raise exceptions.InvalidPdfParameters(f"{len(bounds)} bounds for {parameters} parameters")
    counts = observed[: pdf.config.nmaindata]
    if not (counts >= 0).all():
        message = f"bin {int(np.argmin(counts >= 0))} has {counts[np.argmin(counts >= 0)]:g} events observed"
        raise exceptions.FailedMinimization(_result(success=False, message=message, x=start, fun=np.nan))


def _likelihood(
    compiled: CompiledModel,
    pdf: Any,
    data: Any,
    start: Sequence[float],
    bounds: Sequence[tuple[float | None, float | None]],
    fixed: Sequence[tuple[int, float]],
) -> Likelihood:
    """A fit of pyhf's as nuhist has it: what is fixed is constant at its value."""
    initial = np.array(np.asarray(start), dtype=np.float64)
    low, high = (
        np.array([other if pair[side] is None else pair[side] for pair in bounds], dtype=np.float64)
        for side, other in enumerate((-np.inf, np.inf))
    )
    constant = low == high
    initial = np.clip(initial, low, high)
    for index, value in fixed:
        initial[index], constant[index] = float(value), True
    low, high = np.minimum(low, initial), np.maximum(high, initial)
    observed = np.array(np.asarray(data), dtype=np.float64)
    steps = typical_steps(compiled, initial, observed)
    possible = possible_start(compiled, initial, observed, ~constant, low, high, steps)
    interest = pdf.config.poi_name
    names: list[str] = list(pdf.config.par_names)
    if interest is not None:
        names[pdf.config.poi_index] = interest
    return Likelihood(
        model=pdf,
        data=observed,
        names=tuple(names),
        initial=initial,
        lower=low,
        upper=high,
        scale=typical_steps(compiled, possible, observed),
        constant=tuple(constant.tolist()),
        poi=None if interest is None else CouplingScale.plain(interest),
        origin="pyhf",
        compiled=compiled,
        arrays=compiled,
    )


def _errors(likelihood: Likelihood, minimum: Minimum) -> dict[str, Array]:
    """Uncertainties and correlations; 0 for what is fixed."""
    failed = _result(success=False, x=minimum.parameters, fun=minimum.twice_nll)
    try:
        matrix = covariance(likelihood, minimum)
    except FitError as error:
        failed.update(message=str(error))
        raise exceptions.FailedMinimization(failed) from error
    names = not_told(likelihood, minimum, matrix)
    if len(names) > 1:
        failed.update(message=f"no uncertainties: the data do not tell {', '.join(names)} apart")
        raise exceptions.FailedMinimization(failed)
    widths = np.sqrt(np.diag(matrix))
    inverse = np.where(widths > 0, 1 / np.where(widths > 0, widths, 1.0), 0.0)
    return {"unc": widths, "corr": matrix * np.outer(inverse, inverse)}


def _result(**values: Any) -> Any:
    found: Any = OptimizeResult()
    found.update(values)
    return found
