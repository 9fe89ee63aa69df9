"""What a format is: what writes it, what reads it, and what one can choose."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nuhist.histfactory.workspace import Workspace


@dataclass(frozen=True)
class Option:
    """A keyword of the function that writes or reads, as the shell shows it.

    Attributes
    ----------
    name
        Of the keyword; its annotation and its default say what the shell takes.
    help
        In one line.
    metavar
        What stands for the value. ``X[,..]`` lets a user write several with commas.
    flag
        The option's name in the shell, where it is not that of the keyword.
    """

    name: str
    help: str
    metavar: str | None = None
    flag: str | None = None


# Options of formats that are templates by name alone.
SIGNAL = Option("signal", "What the parameter of interest scales.", "SAMPLE[,..]")
POI = Option("poi", "Name of the parameter of interest [default: mu].", "NAME")
ASIMOV = Option("asimov", "Observe what is expected without the signal.")


def _resolved(function: Callable[..., Any] | str | None) -> Any:
    return resolve_name(function) if isinstance(function, str) else function


@dataclass(frozen=True)
class _Way:
    """One direction: a function, or where it is as ``"module:function"``, imported when it is needed.

    Attributes
    ----------
    run
        The function.
    help
        What its command does; the first sentence stands in lists.
    example
        Arguments of its command.
    options
        Keywords that a user may give.
    """

    run: Callable[..., Any] | str
    help: str
    example: str
    options: tuple[Option, ...] = ()

    def function(self) -> Callable[..., Any]:
        """The function itself."""
        found: Callable[..., Any] = _resolved(self.run)
        return found

    def keywords(self) -> dict[str, inspect.Parameter]:
        """What the function takes, by name."""
        return dict(inspect.signature(self.function()).parameters)


@dataclass(frozen=True)
class Writer(_Way):
    """Writes a workspace: ``run(workspace, path, **options)`` gives the files, or None for the path alone.

    Attributes
    ----------
    target
        Help of ``-o``.
    main
        Of a format that fills a folder, the file in it that is read again.
    document
        Of a format that is one JSON document: ``document(workspace, **options)``, for standard output.
    """

    target: str = "Where to write."
    main: str | None = None
    document: Callable[..., Any] | str | None = None

    def __call__(self, workspace: Workspace, path: Path, **options: Any) -> list[Path]:
        """Write a workspace; the files that were written."""
        return list(self.function()(workspace, path, **options) or [path])

    def json(self, workspace: Workspace, **options: Any) -> Any:
        """The document of a workspace."""
        return _resolved(self.document)(workspace, **options)


@dataclass(frozen=True)
class Reader(_Way):
    """Makes a workspace: ``run(path, command=…, message=…, **options)``.

    ``command`` goes into the sidecar, and ``message`` is called with a line of text for what is left out or
    read differently.

    Attributes
    ----------
    several
        Whether ``run`` takes a sequence of paths, or of texts, in place of one path.
    """

    several: bool = False

    def __call__(self, path: Path | Sequence[Path | str], **options: Any) -> Workspace:
        """Make a workspace of a file, or of several."""
        made: Workspace = self.function()(path, **options)
        return made


@dataclass(frozen=True)
class Format:
    """Another form of a model.

    Attributes
    ----------
    name
        Of its commands, ``nuhist export NAME`` and ``nuhist import NAME``.
    title, programs
        For the documentation: what it is, and who else reads it.
    suffixes
        Of its files, the usual one first.
    extra
        Of nuhist's optional dependencies, or None.
    writer, reader
        None where there is none.
    elsewhere
        The command that writes it, where that is another one.
    """

    name: str
    title: str
    programs: str
    suffixes: tuple[str, ...] = ()
    extra: str | None = None
    writer: Writer | None = None
    reader: Reader | None = None
    elsewhere: str | None = None
