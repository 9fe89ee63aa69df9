"""Data in place of a workspace's own, which know what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nuhist.errors import ConfigError
from nuhist.histfactory.data_kind import DataKind, describe
from nuhist.inference.likelihood import Likelihood, Minimum
from nuhist.inference.profile import Profile
from nuhist.inference.toys import toy_model
from nuhist.inference.without import place
from nuhist.physics.coupling import spaced
from nuhist.tables import Array
from nuhist.values import as_numbers

_NOTHING = 1e-9  # counts: less than nothing by rounding

Counts = Mapping[str, Sequence[float]] | Sequence[float] | Array
"""Counts by channel, or of all channels in the order of pyhf's model, with or without auxiliary data."""


@dataclass(frozen=True, eq=False)
class OtherData:
    """Counts and auxiliary data in pyhf's order, what kind they are, and the same in words.

    ``option`` gives them on the command line; None where nothing does.
    """

    values: Array
    kind: DataKind
    words: str
    option: str | None = None


def given(data: Counts, likelihood: Likelihood) -> OtherData:
    """Data that a user gives.

    Raises
    ------
    ConfigError
        If they are not as many counts as the model has, one is negative or not finite, or channels differ.
    """
    config = likelihood.model.config
    if isinstance(data, Mapping):
        if set(data) != set(config.channels):
            raise ConfigError(f"data: expected counts of the channels {', '.join(config.channels)}")
        rows = [as_numbers(data[channel], f"data of {channel}") for channel in config.channels]
        for channel, row in zip(config.channels, rows, strict=True):
            if row.size != config.channel_nbins[channel]:
                raise ConfigError(
                    f"data of {channel}: expected {config.channel_nbins[channel]} counts, not {row.size}"
                )
        data = np.concatenate(rows)
    values = as_numbers(data, "data")
    if values.shape == (config.nmaindata,):
        values = np.concatenate([values, likelihood.data[config.nmaindata :]])
    if values.shape != likelihood.data.shape:
        raise ConfigError(
            f"data: expected {config.nmaindata} counts, or {likelihood.data.size} numbers with auxiliary data"
        )
    if (values[: config.nmaindata] < 0).any():
        raise ConfigError("data: a count is negative")
    return OtherData(values, "other", "the data were given by the user")


def expected(likelihood: Likelihood, minimum: Minimum, where: str, option: str) -> OtherData:
    """What a model expects at a point, auxiliary data included; ``option`` as on the command line."""
    values = likelihood.asimov(minimum)
    return OtherData(values, "asimov", f"the data are {describe('asimov')}, at {where}", option)


def thrown(likelihood: Likelihood, minimum: Minimum, where: str, seed: int) -> OtherData:
    """One toy, thrown at a point."""
    values = toy_model(likelihood).throw(minimum.parameters, 1, seed, 0)[0]
    return OtherData(values, "toy", f"the data are a toy, thrown at {where}, seed {seed}")


def truth(profile: Profile, coupling: float) -> tuple[Minimum, str]:
    """A point at a coupling in its unit, the other parameters fitted to the data; and the coupling in words.

    Raises
    ------
    ConfigError
        If the coupling is outside of the bounds, or a bin would expect less than nothing there.
    """
    scale = profile.coupling
    value = scale.within(scale.to_parameter(coupling), profile.bounds)
    hidden = ", whose sign cannot be seen" if coupling < 0 and scale.power % 2 == 0 else ""
    where = f"{scale.coupling} = {coupling:g}{spaced(scale.unit)}{hidden}"
    at = profile.at(value)
    counts = profile.likelihood.expected(at.parameters)
    if not np.isfinite(at.twice_nll) or (counts < -_NOTHING).any():
        least = place(profile.likelihood, int(np.argmin(counts)))
        raise ConfigError(f"{where}: there {least} would expect less than nothing; take another coupling")
    return at, where
