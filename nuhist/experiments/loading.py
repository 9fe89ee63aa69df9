"""Reading of experiments: bundled ones, folders, those of other packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.documents import parse_yaml
from nuhist.errors import ConfigError, OptionError, unknown_name
from nuhist.experiments.experiment import (
    Argon37,
    BackgroundSample,
    Experiment,
    SignalEfficiency,
    Treatment,
)
from nuhist.experiments.interaction import (
    DEFAULT_SOURCE,
    DEFAULT_TARGET,
    chosen_target,
    source_choice,
)
from nuhist.experiments.outside import of_packages
from nuhist.experiments.sets import FILE_NAME, bundled_folders, bundled_sets, members, set_file
from nuhist.files import read_text
from nuhist.inputs import check_path
from nuhist.physics.rate_options import ELECTRON
from nuhist.schemas import check
from nuhist.tables import Array


def bundled_experiments() -> tuple[str, ...]:
    """Names of the experiments that nuhist carries; those of a set have its name before theirs."""
    return tuple(bundled_folders())


def load_experiment(name: str | Path, *, allow_outside: bool = False) -> Experiment:
    """Read an experiment: a bundled one or one of another package by name, or a folder with experiment.yaml.

    Parameters
    ----------
    name
        Name of the experiment, or the folder.
    allow_outside
        Whether a user's experiment.yaml may name tables that lie outside its folder.

    Raises
    ------
    ConfigError
        If there is no such experiment, its file has a wrong key or value, or a table lies outside the
        folder; the message names file and key.
    OptionError
        If a bundled experiment, whose tables are nuhist's own, is to be allowed others.

    Examples
    --------
    >>> experiment = load_experiment("lz_ws2022")
    >>> experiment.bins, round(experiment.exposure, 3)
    (51, 0.908)
    """
    check_path(name)
    if set_file(name) is not None:
        raise ConfigError(f"{name}: is a set of experiments, {', '.join(members(name))}; name one of them")
    bundled = bundled_folders()
    known = str(name) in bundled
    if known and allow_outside:
        raise OptionError("allow_outside=True: does nothing with bundled experiments; it belongs to folders")
    folder = bundled[str(name)] if known else Path(name)
    if not known and not folder.exists() and str(name) in of_packages():
        folder = Path(of_packages()[str(name)].folder)
    file = folder / FILE_NAME
    if not file.is_file():
        if folder.is_dir():
            raise ConfigError(f"{folder}: has no {FILE_NAME}")
        if str(name) in of_packages().broken:
            raise ConfigError(of_packages().broken[str(name)])
        if folder.name == FILE_NAME:
            raise ConfigError(f"{folder}: name the folder, {folder.parent}, not the file in it")
        raise unknown_name("experiment", str(name), [*bundled, *bundled_sets(), *of_packages()])
    content = parse_yaml(read_text(file), str(file), ConfigError)
    check(content, "experiment", str(file), ConfigError)
    if not (known or allow_outside):
        _refuse_outside(file, content)
    return _parsed(file, content)


def load_experiments(
    entries: Sequence[str | Path | Experiment], *, allow_outside: bool = False
) -> list[Experiment]:
    """Read several experiments, of which some may be bundled or loaded already: :func:`load_experiment`.

    A set, such as a folder with experiments.yaml, stands for all of its experiments.
    """
    bundled = (*bundled_experiments(), *bundled_sets())
    folders = [entry for entry in entries if not (isinstance(entry, Experiment) or str(entry) in bundled)]
    if allow_outside and not folders:
        raise OptionError("allow_outside=True: does nothing without a folder of an experiment")
    found: list[Experiment] = []
    for entry in entries:
        if isinstance(entry, Experiment):
            found.append(entry)
            continue
        outside = allow_outside and entry in folders
        if set_file(entry) is None:
            found.append(load_experiment(entry, allow_outside=outside))
            continue
        found += [
            replace(load_experiment(member, allow_outside=outside), part_of=Path(entry).name)
            for member in members(entry)
        ]
    return found


def _refuse_outside(file: Path, content: Mapping[str, Any]) -> None:
    """Refuse tables outside the folder, which somebody else may have made; links are followed."""
    home = file.parent.resolve()
    for key, table in (*_tables(content, ""), *_tables_of_sources(content, file.parent)):
        try:
            inside = (home / table).resolve().is_relative_to(home)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(f"{file}: {key}: '{table}' is no path: {error}") from error
        if not inside:
            raise ConfigError(
                f"{file}: {key}: '{table}' lies outside the experiment's folder, and is not read; put the"
                " table into the folder, or add allow_outside=True"
            )


def _tables(content: Any, key: str) -> Iterator[tuple[str, str]]:
    """Tables that an experiment.yaml names, by key."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if name == "table" and isinstance(value, str):
                yield f"{key}.{name}".removeprefix("."), value
            yield from _tables(value, f"{key}.{name}")
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _tables(value, f"{key}[{index}]")


def _tables_of_sources(content: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """Tables that sources of neutrinos are to read, however they are written."""
    places = {
        "source": content,
        **{f"backgrounds.{key}": each for key, each in content["backgrounds"].items()},
    }
    for place, holder in places.items():
        if "source" in holder:
            key = place if place == "source" else f"{place}.source"
            for parameter, table in source_choice(holder["source"], folder).tables().items():
                yield f"{key}.{parameter}", table


def _parsed(file: Path, content: Mapping[str, Any]) -> Experiment:
    edges, axes = _bins(file, content)
    treatments = {name: _treatment(file, name, entry) for name, entry in content["backgrounds"].items()}
    if content["default_background"] not in treatments:
        raise ConfigError(f"{file}: default_background: no entry of that name under backgrounds")
    if content.get("process", ELECTRON) != ELECTRON:
        _refuse_electrons(file, content)
    argon = content.get("argon37")
    return Experiment(
        name=content["name"],
        title=content["title"],
        sources=tuple(content["sources"]),
        assumptions=tuple(content.get("assumptions", ())),
        folder=file.parent,
        exposure=float(content["exposure"]),
        edges=edges,
        axes=axes,
        signal_efficiency=_efficiency(file, content.get("signal_efficiency")),
        counts_per_event=float(content.get("counts_per_event", 1.0)),
        response=content["response"],
        argon37=None if argon is None else Argon37(**argon),
        treatments=treatments,
        default_background=content["default_background"],
        hepdata=content.get("hepdata"),
        dataset=content.get("dataset"),
        published=tuple(content.get("published", ())),
        source=source_choice(content.get("source", DEFAULT_SOURCE), file.parent),
        target=chosen_target(content.get("target", DEFAULT_TARGET), file.parent),
        process=content.get("process", ELECTRON),
        license=content.get("license"),
        url=content.get("url"),
    )


def _bins(file: Path, content: Mapping[str, Any]) -> tuple[Array, tuple[tuple[str, Array], ...]]:
    """Edges of reconstructed energy; or numbers of bins, and the axes that these are of."""
    binning = content["binning"]
    if "axes" not in binning:
        if binning["high"] <= binning["low"]:
            raise ConfigError(f"{file}: binning.high: {binning['high']} is not above binning.low")
        return np.linspace(binning["low"], binning["high"], int(binning["bins"]) + 1), ()
    if set(content["response"]) != {"monoenergetic"}:
        raise ConfigError(f"{file}: binning.axes: only a monoenergetic response does without energies")
    axes = tuple((each["name"], np.array(each["edges"], dtype=np.float64)) for each in binning["axes"])
    for name, edges in axes:
        if (np.diff(edges) <= 0).any():
            raise ConfigError(f"{file}: binning.axes: edges of {name} do not increase")
    return np.arange(np.prod([edges.size - 1 for _, edges in axes]) + 1, dtype=np.float64), axes


def _efficiency(file: Path, entry: Mapping[str, Any] | None) -> SignalEfficiency | None:
    if entry is None:
        return None
    low, high = entry["bounds"]
    if not low < 1 < high:
        raise ConfigError(f"{file}: signal_efficiency.bounds: {low:g} and {high:g}; expected 1 between them")
    return SignalEfficiency(entry["uncertainty"], (float(low), float(high)), entry["meaning"])


def _refuse_electrons(file: Path, content: Mapping[str, Any]) -> None:
    """Refuse what only electrons have where nuclei recoil."""
    if "argon37" in content:
        raise ConfigError(f"{file}: argon37: is a line of electrons, and nuclei recoil here; leave it out")
    for name, entry in content["backgrounds"].items():
        for key in ("atomic", "atomic_response"):
            if entry.get(key) not in (None, False, "step"):
                raise ConfigError(
                    f"{file}: backgrounds.{name}.{key}: is of electrons bound in the atom, and nuclei recoil"
                    " here; leave it out"
                )


def _treatment(file: Path, name: str, entry: Mapping[str, Any]) -> Treatment:
    samples = tuple(
        _sample(f"{file}: backgrounds.{name}.samples[{index}]", item)
        for index, item in enumerate(entry["samples"])
    )
    names = [sample.name for sample in samples]
    for sample in set(names):
        if names.count(sample) > 1:
            raise ConfigError(f"{file}: backgrounds.{name}.samples: '{sample}' is there twice")
    return Treatment(
        name=name,
        observed=entry.get("observed"),
        samples=samples,
        response=entry["response"],
        flux=entry["flux"],
        atomic_response=entry.get("atomic_response", False),
        argon37=entry.get("argon37"),
        source=source_choice(entry["source"], file.parent) if "source" in entry else None,
        atomic=entry.get("atomic", "step"),
        survival=entry.get("survival", False),
    )


def _sample(place: str, entry: Mapping[str, Any]) -> BackgroundSample:
    given = [key for key in ("error", "constraint", "free") if key in entry]
    if len(given) > 1:
        raise ConfigError(f"{place}: {' and '.join(given)} exclude each other; keep one")
    events, error = entry.get("events"), entry.get("error")
    constraint = entry.get("constraint")
    if events is not None and error is not None:
        constraint = error / events
        if constraint > 1:
            raise ConfigError(
                f"{place}.error: {error:g} exceeds the {events:g} events; use free: [low, high]"
            )
    if events is None and not {"counts", "density"} & set(entry["shape"]):
        raise ConfigError(f"{place}: only counts and density have a size of their own; add events: NUMBER")
    if entry.get("linear") and constraint is None:
        raise ConfigError(f"{place}.linear: says how a constrained norm acts; add constraint or error")
    free = entry.get("free")
    if free is not None and free[0] >= free[1]:
        raise ConfigError(f"{place}.free: {free} are not a lower and a higher number")
    return BackgroundSample(
        name=entry["name"],
        title=entry.get("title", entry["name"]),
        shape=entry["shape"],
        events=events,
        constraint=constraint,
        constraint_without_argon37=entry.get("constraint_without_argon37"),
        free=None if free is None else (free[0], free[1]),
        with_exposure=entry.get("with_exposure", True),
        parameter=entry.get("parameter"),
        linear=entry.get("linear", False),
        variations={key: (low, high) for key, (low, high) in entry.get("variations", {}).items()},
    )
