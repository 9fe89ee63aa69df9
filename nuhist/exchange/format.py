"""What a format is: what writes it, what reads it, and what one can choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nuhist.offered import Offered, Option, resolved

if TYPE_CHECKING:
    from nuhist.histfactory.workspace import Workspace


# Options of formats that are templates by name alone.
SIGNAL = Option("signal", "What the parameter of interest scales.", "SAMPLE[,..]")
POI = Option("poi", "Name of the parameter of interest [default: mu].", "NAME")
ASIMOV = Option("asimov", "Observe what is expected without the signal.")


@dataclass(frozen=True)
class Writer(Offered):
    """Writes a workspace: ``run(workspace, path, **options)`` gives the files, or None for the path alone.

    ``message``, where it is a keyword, is called with a line of text for what other programs make of it.

    Attributes
    ----------
    target
        Help of ``-o``.
    main
        In a format that fills a folder, the file in it that is read again.
    document
        For a format that is one JSON document: ``document(workspace, **options)``, for standard output.
    """

    target: str = "Where to write."
    main: str | None = None
    document: Callable[..., Any] | str | None = None

    def __call__(
        self,
        workspace: Workspace,
        path: Path,
        *,
        message: Callable[[str], None] | None = None,
        **options: Any,
    ) -> list[Path]:
        """Write a workspace; the files that were written."""
        if message is not None and "message" in self.keywords():
            options["message"] = message
        return list(self.checked()(workspace, path, **options) or [path])

    def json(
        self, workspace: Workspace, *, message: Callable[[str], None] | None = None, **options: Any
    ) -> Any:
        """The document of a workspace."""
        function = resolved(self.document)
        if message is not None and "message" in signature(function).parameters:
            options["message"] = message
        return function(workspace, **options)


@dataclass(frozen=True)
class Reader(Offered):
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
        made: Workspace = self.checked()(path, **options)
        return made


@dataclass(frozen=True)
class Format:
    """Another form of a model.

    Attributes
    ----------
    name
        Name of its commands, ``nuhist export NAME`` and ``nuhist import NAME``.
    title, programs
        For the documentation: what it is, and who else reads it.
    suffixes
        Suffixes of its files, the usual one first.
    extra
        Extra of nuhist's optional dependencies, or None.
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
