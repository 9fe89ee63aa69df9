"""The formats by name: nuhist's own, and those of other packages; what the shell and the tests go by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from nuhist.entry_points import Offers, with_entry_points
from nuhist.errors import ConfigError
from nuhist.exchange.alea.format import ALEA
from nuhist.exchange.cabinetry.format import CABINETRY
from nuhist.exchange.format import Format
from nuhist.exchange.hepdata.format import HEPDATA
from nuhist.exchange.hs3.format import HS3
from nuhist.exchange.inference_interface.format import INFERENCE_INTERFACE
from nuhist.exchange.root.format import ROOT
from nuhist.exchange.xml.format import XML
from nuhist.histfactory.workspace import Workspace
from nuhist.offered import refuse_unknown_options

FORMATS = (ROOT, XML, HS3, INFERENCE_INTERFACE, ALEA, CABINETRY, HEPDATA)
ENTRY_POINTS = "nuhist.formats"  # group of the formats that other packages bring along


@cache
def formats() -> Offers[Format]:
    """Formats by name."""
    return with_entry_points(FORMATS, ENTRY_POINTS, "format", (), _check)


def format_names() -> tuple[str, ...]:
    """Names of the formats, of which :func:`export_to` and :func:`import_from` take those that they can."""
    return tuple(formats())


def export_to(
    name: str,
    workspace: Workspace,
    path: Path | str,
    *,
    message: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Path]:
    """Write a workspace in another format.

    Parameters
    ----------
    name
        One of :func:`format_names`, such as ``"root"``.
    workspace
        What is written.
    path
        File or folder to write to.
    message
        Called with a line of text for what is written differently.
    options
        As ``nuhist export NAME --help`` names them.

    Returns
    -------
    Paths of the files.

    Raises
    ------
    ConfigError
        If there is no such format, or nuhist does not write it.
    KeywordError
        If the format has no such option.
    ExchangeError, DataError
        If the workspace cannot be written so.
    """
    found = formats().entry(name)
    if found.writer is None:
        raise ConfigError(f"format '{name}': is not written here{_elsewhere(found)}")
    return found.writer(workspace, Path(path), message=message, **options)


def import_from(
    name: str,
    path: Path | str | Sequence[Path | str],
    *,
    message: Callable[[str], None] | None = None,
    **options: Any,
) -> Workspace:
    """Make a workspace from a file of another format.

    Parameters
    ----------
    name
        One of :func:`format_names`, such as ``"root"``.
    path
        File or folder; a list of them where a format has several.
    message
        Called with a line of text for what is left out or read differently.
    options
        As ``nuhist import NAME --help`` names them.

    Raises
    ------
    ConfigError
        If there is no such format, or nuhist does not read it.
    KeywordError
        If the format has no such option.
    ExchangeError, DataError, ModelError
        If the file cannot be read, or makes no valid model.
    """
    reader = formats().entry(name).reader
    if reader is None:
        raise ConfigError(f"format '{name}': nuhist does not read it")
    if message is not None:
        options["message"] = message
    files: Any = Path(path) if isinstance(path, str | Path) else [*path]
    if reader.several and not isinstance(files, list):
        files = [files]
    return reader(files, **options)


def _elsewhere(entry: Format) -> str:
    """What writes a format that has no writer."""
    return f"; {entry.elsewhere} writes it" if entry.elsewhere else ""


def _check(entry: Any) -> None:
    if not isinstance(entry, Format):
        raise TypeError("it is no nuhist.exchange.format.Format")
    for way in filter(None, (entry.writer, entry.reader)):
        refuse_unknown_options(way)
