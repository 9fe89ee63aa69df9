"""Workspaces as template files of XENON's ``inference_interface``, and such files as workspaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nuhist.characters import printable
from nuhist.errors import ConfigError, ExchangeError, OptionError, unknown_name
from nuhist.exchange.inference_interface.files import (
    TemplateFile,
    read_template_file,
    template_file_bytes,
    text_of,
)
from nuhist.exchange.inference_interface.projection import check_same_bins, energy_edges, kept_axes, projected
from nuhist.exchange.inference_interface.write import MODEL, channel_file, stored_workspace
from nuhist.exchange.samples import DOWN, UP, NamedTemplates, template_workspace
from nuhist.files import check_output, write_together
from nuhist.histfactory.workspace import Workspace
from nuhist.tables import Array


@dataclass(frozen=True)
class Source:
    """Templates to import: of a file, all of them or one, under its own name or another one."""

    path: Path
    template: str | None = None
    sample: str | None = None


def parse_source(text: str) -> Source:
    """``FILE``, or ``SAMPLE=FILE`` with ``:TEMPLATE`` at its end where the file has several.

    Examples
    --------
    >>> parse_source("er=sr0_er.h5:template")
    Source(path=PosixPath('sr0_er.h5'), template='template', sample='er')
    """
    name, equals, rest = text.partition("=")
    if not equals or not name or Path(text).exists():
        return Source(Path(text))
    file, colon, template = rest.rpartition(":")
    if colon and not Path(rest).exists():
        return Source(Path(file), template, name)
    return Source(Path(rest), None, name)


def export_templates(workspace: Workspace, path: Path) -> list[Path]:
    """Write the samples of each channel and their histosys variations as templates.

    A file holds one channel. Of several channels, each file's name has the channel's before its
    suffix: ``joint.h5`` becomes ``joint_lz_ws2022.h5`` and so on. A text beside the templates keeps
    what they do not say (other modifiers, parameters, observed counts, the sidecar), so that
    :func:`import_templates` gives the same workspace.

    Parameters
    ----------
    workspace
        What to export; edges come from its sidecar, else the axis counts bins.
    path
        Where to write.

    Returns
    -------
    The files that were written.

    Raises
    ------
    DataError
        If a file cannot be written, or h5py is not installed.
    ExchangeError
        If two templates would have one name, or one that cannot be.
    """
    channels = [channel["name"] for channel in workspace.spec["channels"]]
    paths = [path] if len(channels) == 1 else [path.with_name(_with_channel(path, name)) for name in channels]
    for target in paths:
        check_output(target)
    contents = [template_file_bytes(channel_file(workspace, name)) for name in channels]
    write_together(dict(zip(paths, contents, strict=True)))
    return paths


def _with_channel(path: Path, channel: str) -> str:
    if "/" in channel or "\0" in channel:
        raise ExchangeError(f"channel '{channel}': cannot be part of a file's name; rename it")
    return f"{path.stem}_{channel}{path.suffix}"


def import_templates(
    sources: Sequence[Source],
    *,
    signal: Sequence[str] = (),
    poi: str | None = None,
    channel: str | None = None,
    axes: Sequence[str] = (),
    scale: float = 1.0,
    density: bool = False,
    observed: Path | None = None,
    asimov: bool = False,
    ignore_metadata: bool = False,
    command: str | None = None,
    message: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace of one channel from template files.

    A file that nuhist wrote gives back its workspace, with the templates as they are in the file now.
    Otherwise templates become samples, see :func:`nuhist.exchange.samples.template_workspace`.

    Parameters
    ----------
    sources
        Files, or single templates of them; all in the same bins.
    signal, poi, asimov, command, message
        See :func:`nuhist.exchange.samples.template_workspace`.
    channel
        Its name; the first file's by default.
    axes
        Axes to keep, by name, where templates have several; the others are summed over. Several
        are unrolled, the last one fastest.
    scale
        Factor on all templates, such as the exposure where they are rates.
    density
        Whether templates are per unit of their axes: multiplies with the bins' volumes.
    observed
        CSV file with a column ``counts``, events per bin; also replaces those of a file that nuhist
        wrote.
    ignore_metadata
        Treat a file that nuhist wrote like any other.

    Raises
    ------
    ConfigError
        If options are missing or contradict each other.
    DataError
        If a file cannot be read.
    ExchangeError
        If a file is not such a file, or templates do not belong together.
    ModelError
        If the result is no valid model.
    """
    if not sources:
        raise ConfigError("name at least one file")
    if not 0 < scale < np.inf:
        raise ConfigError(f"scale {scale:g}: must be positive")
    files = {source.path: read_template_file(source.path) for source in sources}
    first = files[sources[0].path]
    if len(sources) == 1 and sources[0].sample is None and MODEL in first.texts and not ignore_metadata:
        if signal or poi is not None or channel is not None or axes or scale != 1 or density or asimov:
            raise OptionError(
                f"{first.origin}: says itself what its signal and its data are; leave the options but"
                " --observed out, or add --ignore-metadata"
            )
        return stored_workspace(first, observed)
    counts: dict[str, Array] = {}
    for source in sources:
        file = files[source.path]
        check_same_bins(file, first, axes)
        for name, template in _chosen(source, file).items():
            if name in counts:
                raise ConfigError(
                    f"{file.origin}: there is a template '{name}' already; write SAMPLE=FILE, or"
                    " SAMPLE=FILE:TEMPLATE, to give it another name"
                )
            counts[name] = scale * projected(template, file, axes, density=density)
            if not name.endswith((UP, DOWN)):
                _refuse_negative(counts[name], f"{file.origin}: {name}")
    templates = NamedTemplates(
        channel or text_of(first.attributes.get("channel", printable(sources[0].path.stem))),
        counts,
        energy_edges(kept_axes(first, axes)),
        first.origin,
    )
    return template_workspace(
        templates, signal, poi=poi, observed=observed, asimov=asimov, command=command, message=message
    )


def _refuse_negative(counts: Array, where: str) -> None:
    if (counts < 0).any():
        index = int(np.argmax(counts < 0))
        raise ExchangeError(f"{where}: bin {index}: {counts[index]:g} is negative")


def _chosen(source: Source, file: TemplateFile) -> dict[str, Array]:
    """Templates of a source by the names that they get."""
    if source.sample is None:
        return dict(file.templates)
    if source.template is None and len(file.templates) > 1:
        raise ConfigError(
            f"{file.origin}: has {len(file.templates)} templates; write"
            f" {source.sample}={source.path}:TEMPLATE with one of {', '.join(file.templates)}"
        )
    name = source.template or next(iter(file.templates))
    if name not in file.templates:
        raise unknown_name(f"template in {file.origin}", name, file.templates)
    return {source.sample: file.templates[name]}
