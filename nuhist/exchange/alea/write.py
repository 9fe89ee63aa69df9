"""Workspaces as models of alea: YAML, templates, events, and what they do not say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isclose, prod
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.errors import ExchangeError
from nuhist.exchange.alea.anchored import Anchored, anchored_counts
from nuhist.exchange.alea.definition import definition
from nuhist.exchange.alea.events import DATA, events_file
from nuhist.exchange.alea.factors import RATE, Factor, NormsysForm, factors
from nuhist.exchange.alea.groups import groups
from nuhist.exchange.alea.kept import KEPT, kept_text
from nuhist.exchange.alea.layout import axes_of, file_name, template_name
from nuhist.exchange.alea.remarks import remarks
from nuhist.exchange.inference_interface.files import TemplateFile, template_file_bytes
from nuhist.exchange.refusals import Names, refuse_names
from nuhist.files import make_folder, write_together
from nuhist.histfactory.workspace import Workspace
from nuhist.values import as_positive

MODEL = "statistical_model.yaml"
MOST = 20_000  # points of a term's anchors, of each of which alea makes a model
_NAMES = Names(
    "alea",
    channels=re.compile(r"(?!ancillary$|generate_values$)[A-Za-z0-9_.-]+"),
    samples=None,
    parameters=re.compile(r"(?!livetime$|source$)[A-Za-z_]\w*", re.ASCII),
    advice={
        "channel": "use letters, digits, '_', '.' and '-'; rename it",
        "parameter": "use letters, digits and '_'; rename it by combine with rename=..., or in the JSON",
    },
)


def export_alea(
    workspace: Workspace,
    folder: Path,
    measurement: str | None = None,
    *,
    step: float = 0.5,
    reach: float = 5.0,
    normsys: NormsysForm = "anchors",
    message: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write a workspace as a model that alea runs, into a folder; the path of its YAML.

    Each channel is a binned term, each sample a source. A normfactor, a lumi, and a histosys that multiplies
    all counts by one number are alea's rates and efficiencies, which is exact. Other histosys and normsys
    become shape parameters: alea has their counts at the anchors and straight lines between. The folder gets
    the YAML, a file of templates for each source, the events (in the middle of their bins), and what nuhist
    needs to give the same workspace back.

    Parameters
    ----------
    workspace, folder
        What to write, and where; the folder is made if it is not there.
    measurement
        Name of the one to write; the first by default.
    step
        Distance of the anchors of a shape parameter, in standard deviations.
    reach
        How far they go to both sides at most; the parameter's bounds where these are closer.
    normsys
        ``"anchors"``, or ``"linear"``: one whose two sizes are alike is a factor 1 + σα with a normal
        constraint, as alea's own rates are, exact at −1, 0 and 1. One whose samples have their rate and
        efficiency already gets straight lines between these and the ends.
    message
        Called with a line of text for what alea names otherwise, and how much 2 ln L differs.

    Raises
    ------
    ConfigError
        If a choice is unknown or not positive.
    ExchangeError
        If alea cannot hold the model.
    ModelError
        If there is no measurement of that name.
    DataError
        If the folder cannot be written to, or h5py is not installed.
    """
    step, reach = as_positive(step, "step"), as_positive(reach, "reach")
    refuse_names(workspace, _NAMES)
    known = factors(workspace, measurement, normsys)
    samples = anchored_samples(workspace, known, step=step, reach=reach, normsys=normsys)
    contents: dict[str, bytes | str] = {}
    for each in samples:
        contents[file_name(each)] = template_file_bytes(_templates(workspace, each))
    observed = workspace.observed()
    whole = all(float(count).is_integer() for counts in observed.values() for count in counts)
    if whole:
        terms = {name: (axes_of(workspace, name), counts) for name, counts in observed.items()}
        contents[DATA] = events_file(terms, _ancillary(known))
    contents[MODEL] = definition(workspace, known, samples)
    contents[KEPT] = kept_text(workspace, contents)
    for line in remarks(workspace, measurement, known, samples, whole=whole):
        message(line)
    make_folder(folder)
    write_together({folder / name: content for name, content in contents.items()}, key=folder / MODEL)
    return [folder / MODEL]


def anchored_samples(
    workspace: Workspace,
    known: Mapping[str, Factor],
    *,
    step: float = 0.5,
    reach: float = 5.0,
    normsys: NormsysForm = "anchors",
) -> list[Anchored]:
    """All samples as alea gets them, see :func:`export_alea`; an ExchangeError if it cannot hold one."""
    found = []
    for channel in workspace.spec["channels"]:
        where = f"{workspace.origin}: channel '{channel['name']}'"
        total = sum(sum(sample["data"]) for sample in channel["samples"])
        names: set[str] = set()
        interpolated: dict[str, int] = {}
        for index, group in enumerate(groups(channel)):
            first = group[0]["name"]
            used = dict.fromkeys(entry["name"] for sample in group for entry in sample["modifiers"])
            mine = [known[name] for name in used]
            linear = tuple(factor for factor in mine if factor.form != "shape")
            shapes = tuple(factor for factor in mine if factor.form == "shape")
            anchors = tuple(_anchors(factor, step, reach, normsys) for factor in shapes)
            interpolated |= {each.name: len(found) for each, found in zip(shapes, anchors, strict=True)}
            interpolated |= {each.name: 2 for each in linear if each.form == "efficiency"}
            if prod(interpolated.values()) > MOST:
                raise ExchangeError(
                    f"{where}: alea makes a model for each of {prod(interpolated.values())} combinations of"
                    f" anchors of {', '.join(interpolated)}; {MOST} is the most: take a larger step=..., a"
                    " smaller reach=..., or normsys='linear'"
                )
            rate = next((factor.alea for factor in linear if factor.form == "rate"), None)
            source = re.sub(r"\W", "_", f"{channel['name']}_{first}", flags=re.ASCII)
            source = source if rate is None else rate.removesuffix(RATE)
            if source in names:
                source = f"{source}_{index}"
            names.add(source)
            counts, below = anchored_counts(group, shapes, anchors, total)
            _refuse_negative(counts, shapes, anchors, f"{where}: sample '{first}'")
            found.append(Anchored(channel["name"], group, source, linear, shapes, anchors, counts, below))
    return found


def _anchors(factor: Factor, step: float, reach: float, normsys: NormsysForm) -> tuple[float, ...]:
    """Values at which there are templates, rising: the centre among them, which alea takes for nominal."""
    if factor.held:
        return (factor.start,)
    low, high = max(factor.low, factor.centre - reach), min(factor.high, factor.centre + reach)
    if factor.exact:
        return tuple(sorted({low, factor.centre, high}))
    if factor.scales and normsys == "linear":
        step, reach = 1.0, 1.0
    steps = np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1) * step + factor.centre
    inner = [float(value) for value in steps if low < value < high and not _same(value, (low, high))]
    return tuple(sorted({low, *inner, factor.centre, high}))


def _same(value: float, others: Sequence[float]) -> bool:
    return any(isclose(value, other, abs_tol=1e-9) for other in others)


def _refuse_negative(
    counts: Any, shapes: Sequence[Factor], anchors: Sequence[Sequence[float]], where: str
) -> None:
    if (counts >= 0).all():
        return
    place = np.argwhere(counts < 0)[0]
    point = [
        f"{factor.name} = {values[index]:g}"
        for factor, values, index in zip(shapes, anchors, place, strict=False)
    ]
    said = f"{where}: bin {place[-1]}: {counts[tuple(place)]:.4g} is negative, which alea refuses"
    if point:
        said += f": at {', '.join(point)}; take a smaller reach=..., or narrow the parameter's bounds"
    raise ExchangeError(said)


def _templates(workspace: Workspace, sample: Anchored) -> TemplateFile:
    axes = axes_of(workspace, sample.channel)
    shape = tuple(axis.edges.size - 1 for axis in axes)
    named = {}
    for place in np.ndindex(sample.counts.shape[:-1]):
        values = [anchors[index] for anchors, index in zip(sample.anchors, place, strict=True)]
        named[template_name(values)] = sample.counts[place].reshape(shape)
    return TemplateFile(axes, named, origin=f"{workspace.origin}: {sample.source}")


def _ancillary(known: Mapping[str, Factor]) -> dict[str, float]:
    """What calibrations have measured: where the constraints have their centres."""
    constrained = [each for each in known.values() if each.sigma is not None and not each.held]
    return {factor.alea: factor.value(factor.centre) for factor in constrained}
