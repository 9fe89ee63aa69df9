"""Template files of XENON's ``inference_interface`` as workspaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nuhist.characters import printable
from nuhist.documents import parse_json
from nuhist.errors import ConfigError, ExchangeError, OptionError, unknown_name
from nuhist.exchange.inference_interface.files import TemplateFile, read_template_file, text_of
from nuhist.exchange.inference_interface.projection import check_same_bins, energy_edges, kept_axes, projected
from nuhist.exchange.inference_interface.write import MODEL, TEMPLATE
from nuhist.exchange.samples import DOWN, UP, NamedTemplates, read_observed, template_workspace
from nuhist.exchange.stored import as_written, filled
from nuhist.histfactory.validation import validate
from nuhist.histfactory.workspace import Workspace, digest
from nuhist.schemas import check
from nuhist.tables import Array

_ADVICE = "add ignore_metadata=True, which takes the templates alone"


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


def import_templates(
    sources: Sequence[Source | Path | str],
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

    A file that nuhist wrote gives back its workspace, with the templates as they are in the file now; those
    of all channels of a workspace, together, give it back.
    Otherwise templates become samples, see :func:`nuhist.exchange.samples.template_workspace`.

    Parameters
    ----------
    sources
        Files, or single templates of them; all in the same bins. Texts are as :func:`parse_source` has them.
    signal
        Names of the samples whose common strength is tested; none for a workspace of backgrounds alone.
    poi
        Name of that strength, ``"mu"`` by default. One that nuhist knows, such as ``"mu_nu_squared"``,
        has its meaning: the signal's templates must then be those at the coupling's reference value.
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
    asimov
        Observe what is expected without the signal.
    ignore_metadata
        Treat a file that nuhist wrote like any other.
    command
        What the sidecar names as origin.
    message
        Called with a line of text for what the name of the strength means.

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
    chosen = [each if isinstance(each, Source) else parse_source(str(each)) for each in sources]
    files = {source.path: read_template_file(source.path) for source in chosen}
    first = files[chosen[0].path]
    ours = all(source.sample is None and MODEL in files[source.path].texts for source in chosen)
    if ours and not ignore_metadata:
        if signal or poi is not None or channel is not None or axes or scale != 1 or density or asimov:
            raise OptionError(
                f"{first.origin}: says itself what its signal and its data are; leave the options but"
                " observed=... out, or add ignore_metadata=True"
            )
        if len(files) > 1:
            return _joined_workspace(list(files.values()), observed)
        return _stored_workspace(first, observed)
    counts: dict[str, Array] = {}
    for source in chosen:
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
        channel or text_of(first.attributes.get("channel", printable(chosen[0].path.stem))),
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


def _joined_workspace(files: Sequence[TemplateFile], observed: Path | None) -> Workspace:
    """The workspace of files that nuhist wrote of its channels."""
    if observed is not None:
        raise OptionError(f"observed='{observed}': are the counts of one channel; import each file alone")
    first = files[0].origin
    documents = [_document(file) for file in files]
    with as_written(f"{first}: {MODEL}", _ADVICE):
        wholes = [document.get("whole") or {"digest": None} for document in documents]
        parts = {
            document["workspace"]["channels"][0]["name"]: index for index, document in enumerate(documents)
        }
        strange = [file.origin for file, whole in zip(files, wholes, strict=True) if whole != wholes[0]]
        if strange or wholes[0]["digest"] is None or len(parts) < len(files):
            raise ExchangeError(
                f"{', '.join(strange) or first}: is no other channel of the same workspace; name the files of"
                f" one export, or {_ADVICE}"
            )
        whole, sidecar = wholes[0]["workspace"], wholes[0]["sidecar"]
        missing = [name for name in whole["channels"] if name not in parts]
        if missing or len(parts) > len(whole["channels"]):
            raise ExchangeError(f"{first}: the files of channels are missing: {', '.join(missing)}; name all")
        specs = {
            name: _stored_spec(files[index], documents[index]["workspace"]) for name, index in parts.items()
        }
        spec = {
            **whole,
            "channels": [specs[name]["channels"][0] for name in whole["channels"]],
            "observations": [
                specs[entry]["observations"][0] if isinstance(entry, str) else entry
                for entry in whole["observations"]
            ],
        }
        validate(spec, first)
    return _with_digest(spec, sidecar, first, f"{first}: {MODEL}")


def _document(file: TemplateFile) -> Any:
    return parse_json(file.texts[MODEL], f"{file.origin}: {MODEL}: is not what nuhist wrote", ExchangeError)


def _stored_spec(file: TemplateFile, document: Any) -> dict[str, Any]:
    """What a file says of its channel, with the templates that there are now."""
    left = {name: counts for name, counts in file.templates.items() if counts.ndim == 1}

    def counts(name: str) -> list[float]:
        if name not in left:  # each is named once: a small text makes no large document
            raise ExchangeError(
                f"{file.origin}: {MODEL}: there is no template '{name}', or it is named twice; {_ADVICE}"
            )
        found: list[float] = left.pop(name).tolist()
        return found

    spec: dict[str, Any] = filled(document, {TEMPLATE: counts})
    return spec


def _with_digest(spec: dict[str, Any], sidecar: Any, origin: str, where: str) -> Workspace:
    if sidecar is not None:
        check(sidecar, "sidecar", where, ExchangeError)
        sidecar = {**sidecar, "workspace_digest": digest(spec)}
    return Workspace(spec, sidecar, origin)


def _stored_workspace(file: TemplateFile, observed: Path | None) -> Workspace:
    """The workspace of a file that nuhist wrote, with the templates and the counts that there are now."""
    where = f"{file.origin}: {MODEL}"
    document = _document(file)
    with as_written(where, _ADVICE):
        spec, sidecar = _stored_spec(file, document["workspace"]), document["sidecar"]
        if observed is not None:
            others = read_observed(observed, file.axes[0].edges.size - 1).tolist()
            spec["observations"] = [{**entry, "data": others} for entry in spec["observations"]]
        validate(spec, where)
    return _with_digest(spec, sidecar, file.origin, where)
