"""What scatters on what in the channels of a model: HEPData's keywords, and a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from nuhist.errors import ConfigError, DataError
from nuhist.experiments.loading import bundled_experiments, load_experiment
from nuhist.experiments.sets import bundled_sets, members
from nuhist.physics.rate_options import ELECTRON
from nuhist.physics.sources.registry import get_source, source_tables
from nuhist.physics.targets.registry import get_target


class Scattering(NamedTuple):
    """Neutrinos of a source on what a target has: process, and title of the target, by name.

    ``neutrinos`` is such as ``"solar neutrinos"``, and ``nuclei`` are symbols, none where nobody knows them.
    """

    neutrinos: str
    process: str
    target: str
    nuclei: tuple[str, ...]


def scattering_in(channels: Iterable[Mapping[str, Any]]) -> list[Scattering]:
    """What channels of a sidecar are of, each once; electrons of xenon and the Sun where they do not say."""
    found: dict[Scattering, None] = {}
    for channel in channels:
        named = channel.get("target", "xenon")
        title, nuclei = _target(named)
        neutrinos = _neutrinos(channel.get("neutrino_source", "sun"))
        found[Scattering(neutrinos, channel.get("process", ELECTRON), title, nuclei)] = None
    return list(found)


def scattering_of(names: Iterable[str]) -> list[Scattering]:
    """The same of bundled experiments and sets by name; none where somebody else has one of them."""
    channels = []
    for name in names:
        for each in members(name) if name in bundled_sets() else [name]:
            if each not in bundled_experiments():
                return []
            experiment = load_experiment(each)
            source = experiment.neutrino_source(experiment.treatment(), None)
            target = experiment.target.name
            channels.append({"neutrino_source": source.name, "target": target, "process": experiment.process})
    return scattering_in(channels)


def reactions(found: Sequence[Scattering]) -> list[str]:
    """Keywords of HEPData for reactions; there is no energy in their centre of mass.

    Examples
    --------
    >>> reactions(scattering_in([{"target": "caesium_iodide", "process": "nucleus"}, {}]))
    ['NU CS --> NU CS', 'NU I --> NU I', 'NU E- --> NU E-']
    """
    struck = [
        body
        for each in found
        for body in (("E-",) if each.process == ELECTRON else map(str.upper, each.nuclei))
    ]
    return [f"NU {body} --> NU {body}" for body in dict.fromkeys(struck)]


def phrases(found: Sequence[Scattering]) -> list[str]:
    """Keywords of HEPData in words, without what is tested.

    Examples
    --------
    >>> phrases(scattering_in([{"process": "nucleus"}]))
    ['solar neutrinos', 'nuclear recoils', 'coherent elastic neutrino-nucleus scattering']
    """
    said = []
    for each in found:
        recoils = ["electron recoils"]
        if each.process != ELECTRON:
            recoils = ["nuclear recoils", "coherent elastic neutrino-nucleus scattering"]
        said += [each.neutrinos, *recoils]
    return list(dict.fromkeys(said))


def sentence(found: Sequence[Scattering]) -> str:
    """Which neutrinos scatter on what.

    Examples
    --------
    >>> sentence(scattering_in([{}, {"process": "nucleus"}]))
    'solar neutrinos scatter on the electrons of xenon and coherently on the nuclei of xenon'
    """
    by_source: dict[str, list[str]] = {}
    for each in found:
        words = "on the electrons" if each.process == ELECTRON else "coherently on the nuclei"
        by_source.setdefault(each.neutrinos, []).append(f"{words} of {each.target}")
    return "; ".join(f"{source} scatter {' and '.join(words)}" for source, words in by_source.items())


def _target(name: str) -> tuple[str, tuple[str, ...]]:
    """Title of a target, and the symbols of its nuclei; those of a user's file may be gone."""
    try:
        target = get_target(name)
    except (ConfigError, DataError):
        return name, ()
    try:
        return target.title, tuple(dict.fromkeys(nucleus.symbol for nucleus in target.nuclei))
    except ConfigError:
        return target.title, ()


def _neutrinos(name: str) -> str:
    """Neutrinos of a source in words; a table may be gone, and its name says nothing to readers."""
    try:
        return "neutrinos" if source_tables(name) else f"{get_source(name).title} neutrinos"
    except (ConfigError, DataError):
        return "neutrinos"
