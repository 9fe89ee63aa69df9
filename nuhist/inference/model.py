"""A model: a likelihood, its data, and what is made of both once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from shlex import quote
from typing import Any, Literal

from nuhist.errors import ConfigError, FitError, OptionError
from nuhist.histfactory.data_kind import DataKind, data_remarks, describe, response_remarks
from nuhist.histfactory.interest import (
    coupling_named,
    coupling_scale,
    interest_remarks,
    label_remarks,
    parameter_named,
)
from nuhist.histfactory.loading import Source, read_source
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.changes import Changes
from nuhist.inference.covariance import covariance
from nuhist.inference.curve import Curve
from nuhist.inference.grid import grid_curve
from nuhist.inference.lifted import lifted
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.other_data import Counts, OtherData, expected, given, thrown, truth
from nuhist.inference.prepare import Engine, make_likelihood, refuse_unknown_choices
from nuhist.inference.profile import Profile
from nuhist.inference.questions import Questions
from nuhist.keywords import named
from nuhist.showing import Shown, Table
from nuhist.tables import Array
from nuhist.values import as_number, as_whole


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Model(Questions, Shown):
    """A likelihood with its data, which is prepared once for fits, limits and figures. It never changes.

    What costs time (the compiled likelihood, the global fit, the covariance) is made once and kept. Each
    function that fits takes a model, or anything that a model is made from.

    Parameters
    ----------
    source
        A path of a workspace, of a folder with a PatchSet or of a likelihood record; ``"-"`` for standard
        input; a document as a dict or a ``pyhf.Workspace``; or what :func:`nuhist.build`,
        :func:`nuhist.build_patchset` or :func:`nuhist.load` return.
    measurement
        Name of the measurement; the first by default.
    poi
        Another parameter of interest than the measurement's.
    data
        Other counts than the workspace's: by channel, or of all channels in the order of pyhf's model,
        with or without auxiliary data.
    fixed, init
        Values of parameters (not of couplings) to hold, and where fits start, by name.
    bounds
        Other bounds of parameters (not of couplings), by name.
    engine
        ``"compiled"`` or ``"pyhf"``, see :func:`nuhist.inference.prepare.make_likelihood`.

    Raises
    ------
    ConfigError
        If nothing can be made from the source, or a choice makes no sense.
    DataError, ModelError
        If a file cannot be read or is no valid model.

    Examples
    --------
    >>> import nuhist
    >>> model = nuhist.Model(nuhist.build("lz_ws2022", hypothesis="magnetic-moment"))
    >>> model.limit("cls").upper > model.limit(confidence_level=0.68).upper
    True
    >>> round(model.asimov().fit().min_chi2, 6)
    0.0
    """

    source: Workspace | SignalGrid
    measurement: str | None
    poi: str | None
    engine: Engine
    changes: Changes
    other: OtherData | None = field(default=None)
    lifted_from: str = field(default="")

    @partial(named, where="nuhist.Model")
    def __init__(
        self,
        source: Source,
        *,
        measurement: str | None = None,
        poi: str | None = None,
        data: Counts | None = None,
        fixed: Mapping[str, float] | None = None,
        init: Mapping[str, float] | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        engine: Engine = "compiled",
    ) -> None:
        found = read_source(source)
        named = {"fixed": fixed, "init": init, "bounds": bounds}
        parts: dict[str, Any] = {name: part for name, part in named.items() if part is not None}
        changes = Changes(**parts)
        if isinstance(found, Workspace):
            changes = changes.of_parameters(partial(coupling_named, found))
            poi = parameter_named(found, poi)
        choices = {"measurement": measurement, "poi": poi, "engine": engine}
        refuse_unknown_choices(found, measurement, poi, engine, changes)
        if isinstance(found, SignalGrid) and data is not None:
            raise OptionError("a PatchSet takes no other data; choose a patch")
        for name, value in {
            "source": found,
            "changes": changes,
            "other": None,
            "lifted_from": "",
            **choices,
        }.items():
            object.__setattr__(self, name, value)
        if data is not None:
            self.__dict__.update(self._with(given(data, self.likelihood)).__dict__)

    def _with(self, other: OtherData) -> Model:
        """The same with other data."""
        return self._replaced(other=other, likelihood=replace(self.likelihood, data=other.values))

    def _replaced(self, best: Minimum | None = None, **parts: Any) -> Model:
        """The same with other parts, perhaps with their minimum; nothing is built again, fits are lost."""
        model = copy(self)
        for name in ("curve", "best", "covariance", "digest", "_lifted"):
            model.__dict__.pop(name, None)
        model.__dict__.update(parts)
        if best is not None:
            model.__dict__["curve"] = Profile(model.likelihood, fitted=best)
        return model

    @property
    def workspace(self) -> Workspace:
        """The workspace that the model was made from.

        Raises
        ------
        ConfigError
            If the model was made from a grid of signal points.
        """
        if isinstance(self.source, SignalGrid):
            raise ConfigError(
                f"{self.origin}: is a grid of signal points, which has limits and scans by profile"
                " likelihood; choose a point with a patch for anything else"
            )
        return self.source

    def unchanged(self) -> Workspace | SignalGrid:
        """The workspace or the grid that the model was made from.

        Raises
        ------
        ConfigError
            If the model makes choices that a workspace does not hold.
        """
        if self.options or self.other is not None or self.lifted_from:
            raise ConfigError(f"{self.origin}: a model with choices of its own; give its workspace")
        return self.source

    @property
    def origin(self) -> str:
        """Name of the file or the function that the model came from, for messages."""
        return self.source.background.origin if isinstance(self.source, SignalGrid) else self.source.origin

    @property
    def data_kind(self) -> DataKind:
        """What the data are: ``"observed"``, ``"asimov"``, ``"toy"`` or ``"other"``."""
        return self.source.data_kind if self.other is None else self.other.kind

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the workspace; with other data or parameters, of these too."""
        if self.other is None and self.changes == Changes():
            return self.source.digest
        found = hashlib.sha256(f"{self.source.digest} {' '.join(self.changes.options)}".encode())
        found.update(b"" if self.other is None else self.other.values.astype("<f8").tobytes())
        return found.hexdigest()

    @cached_property
    def likelihood(self) -> Likelihood:
        """The likelihood of the workspace, compiled or pyhf's own, prepared for fits."""
        return make_likelihood(
            self.workspace,
            measurement=self.measurement,
            poi=self.poi,
            engine=self.engine,
            changes=self.changes,
        )

    @cached_property
    def curve(self) -> Curve:
        """Δχ² against the parameter of interest, which remembers its fits.

        Raises
        ------
        FitError
            If the parameter of interest is fixed.
        """
        if isinstance(self.source, SignalGrid):
            return grid_curve(self.source, self.measurement, self.engine)
        likelihood = self.likelihood
        if likelihood.constant[likelihood.poi_index]:
            raise FitError(f"{self.origin}: its parameter of interest is fixed; nothing to scan")
        return Profile(likelihood)

    @property
    def profile(self) -> Profile:
        """Δχ² against the parameter of interest of a workspace, a :attr:`curve` with fits at every value.

        Raises
        ------
        ConfigError
            If the model was made from a grid of signal points.
        """
        _ = self.workspace
        curve = self.curve
        assert isinstance(curve, Profile)  # noqa: S101 - a workspace has no other
        return curve

    @cached_property
    def best(self) -> Minimum:
        """The fit at the global minimum of 2NLL."""
        likelihood = self.likelihood
        if likelihood.poi is None or likelihood.constant[likelihood.poi_index]:
            return likelihood.best()
        return self.profile.minimum

    @cached_property
    def covariance(self) -> Array:
        """Covariance of the parameters at the global minimum, see :mod:`nuhist.inference.covariance`."""
        return covariance(self.likelihood, self.best)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes that each result carries: other data or parameters, impossible data, unknown units."""
        if isinstance(self.source, SignalGrid):
            background = self.source.background
            return (
                *data_remarks(background.spec),
                *response_remarks(background.sidecar),
                *label_remarks(self.source.coupling),
            )
        poi = self.likelihood.poi
        return (
            *filter(None, (self.lifted_from,)),
            *self.changed,
            *(data_remarks(self.workspace.spec) if self.other is None else (self.other.words,)),
            *response_remarks(self.workspace.sidecar),
            *(interest_remarks(self.workspace, poi.name) if poi else ()),
        )

    @property
    def changed(self) -> tuple[str, ...]:
        """The changes of parameters in words, and what they are of couplings."""
        return self.changes.words(None if isinstance(self.source, SignalGrid) else self.source)

    @property
    def options(self) -> tuple[str, ...]:
        """The choices of the model as options of a command in the shell."""
        named = {"--measurement": self.measurement, "--poi": self.poi}
        return (
            *(f"{option} {quote(value)}" for option, value in named.items() if value is not None),
            *self.changes.options,
            *((self.other.option,) if self.other is not None and self.other.option else ()),
        )

    @partial(named, where="nuhist.Model.with_data")
    def with_data(self, data: Counts) -> Model:
        """The same model with other counts, which are as ``data`` of the class."""
        return self._with(given(data, self.likelihood))

    @partial(named, where="nuhist.Model.asimov")
    def asimov(self, coupling: float | Literal["fit"] = 0.0) -> Model:
        """The same model with the data that it expects, auxiliary data included: no fluctuations.

        Parameters
        ----------
        coupling
            In its unit, with the other parameters fitted to the data; or ``"fit"``, the best fit.

        Raises
        ------
        ConfigError
            If the coupling is outside of the bounds.
        """
        if not isinstance(coupling, str) or coupling != "fit":
            coupling = as_number(coupling, "Asimov data at a coupling")
        option = f"--asimov {coupling if coupling == 'fit' else repr(coupling)}"
        return self._with(expected(self.likelihood, *self._truth(coupling), option))

    @partial(named, where="nuhist.Model.toy")
    def toy(self, seed: int, coupling: float | Literal["fit"] = "fit") -> Model:
        """The same model with simulated data, others for each seed; ``coupling`` as in :meth:`asimov`."""
        return self._with(thrown(self.likelihood, *self._truth(coupling), as_whole(seed, "seed", 0)))

    def lifted(self) -> Model:
        """The same model with the bound lifted at which the best fit of the parameter of interest lies.

        Its results carry a note of that. Where the best fit lies at no bound, or no fit converges without
        it, the model itself.
        """
        return self._lifted or self

    @cached_property
    def _lifted(self) -> Model | None:
        """See :meth:`lifted`; None for the model itself."""
        try:
            likelihood, best, words = lifted(self.likelihood, self.best)
        except FitError:
            return None
        return self._replaced(best, likelihood=likelihood, lifted_from=words) if words else None

    def _truth(self, coupling: float | Literal["fit"]) -> tuple[Minimum, str]:
        """A point with the other parameters fitted, and the coupling there in words."""
        return (self.best, "the best fit") if coupling == "fit" else truth(self.profile, coupling)

    @property
    def words(self) -> tuple[str, ...]:
        """The model in words: origin, data, digest, and the meaning of the parameter of interest."""
        source = self.source
        said = (source.words[0], f"{describe(self.data_kind)} data", self.digest[:12])
        if isinstance(source, SignalGrid):
            return said
        name = self.poi or source.interest(self.measurement)
        scale = coupling_scale(source, name) if name else None
        meaning = "" if scale is None or scale.is_plain else f" = {scale.meaning}"
        return (*said, f"parameter of interest {name}{meaning}" if name else "no parameter of interest")

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on what differs from the source: other data or parameters, a lifted bound."""
        other = () if self.other is None else (self.other.words,)
        return (*filter(None, (self.lifted_from,)), *self.changed, *other)

    def table(self) -> Table:
        """A table of the samples and the data of each channel, or of the signal points of a grid."""
        if self.other is None or isinstance(self.source, SignalGrid):
            return self.source.table()
        slices = self.likelihood.model.config.channel_slices.items()
        observed = {name: float(self.other.values[part].sum()) for name, part in slices}
        return self.source.table(observed=observed, kind=self.data_kind)


def as_model(
    source: Model | Source,
    *,
    measurement: str | None = None,
    poi: str | None = None,
    engine: Engine | None = None,
) -> Model:
    """A model: itself, or made from what :class:`Model` takes.

    Raises
    ------
    OptionError
        If a choice is given beside a model, which has made it already.
    """
    if not isinstance(source, Model):
        return Model(source, measurement=measurement, poi=poi, engine=engine or "compiled")
    for name, value in (("measurement", measurement), ("poi", poi), ("engine", engine)):
        if value is not None:
            raise OptionError(f"{name}: the model has made this choice; give it where the model is made")
    return source
