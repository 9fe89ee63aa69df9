"""Counts per bin from an experiment's tables, or from a user's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ConfigError
from nuhist.experiments.experiment import Experiment, Treatment
from nuhist.tables import Array, column, read_table


def observed_counts(experiment: Experiment, treatment: Treatment) -> Array:
    """Observed counts in the experiment's bins, as they enter the likelihood.

    Raises
    ------
    DataError
        If the table cannot be used.
    ConfigError
        If it has another number of bins than the experiment, or nothing was observed yet.
    """
    if treatment.observed is None:
        raise ConfigError(
            f"{experiment.name}: is a planned experiment without observed counts; add asimov=True"
        )
    if "events" in treatment.observed:
        source = treatment.observed["events"]
        path = experiment.folder / source["table"]
        energies = column(path, read_table(path), source["column"])
        counts = np.histogram(energies, experiment.edges)[0].astype(np.float64)
    else:
        counts = binned_column(experiment, treatment.observed["counts"])
        if treatment.observed["counts"].get("round", False):
            counts = np.round(counts)
    return counts * experiment.counts_per_event


def binned_column(experiment: Experiment, source: Mapping[str, Any]) -> Array:
    """A table's column with one value per bin, times its ``scale``.

    Raises
    ------
    ConfigError
        If it has another number of rows than the experiment has bins.
    """
    path = experiment.folder / source["table"]
    values = column(path, read_table(path), source["column"], non_negative=True)
    if values.size != experiment.bins:
        raise ConfigError(f"{path}: has {values.size} rows, {experiment.name} has {experiment.bins} bins")
    return values * float(source.get("scale", 1.0))


def read_counts(file: Path, experiment: Experiment) -> Array:
    """Observed counts from a user's file: a CSV with a column ``counts``, events per bin.

    Like the experiment's own, they are multiplied by its ``counts_per_event``.

    Raises
    ------
    DataError
        If the file cannot be used or a count is negative or no whole number.
    ConfigError
        If it has another number of rows than the experiment has bins.
    """
    source = {"table": file.absolute(), "column": "counts"}
    counts = binned_column(experiment, source)
    if (counts != np.round(counts)).any():
        bad = int(np.argmax(counts != np.round(counts)))
        raise ConfigError(f"{file}: row {bad + 1}: {counts[bad]:g} is no whole number of events")
    return counts * experiment.counts_per_event
