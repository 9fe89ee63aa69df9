"""Stop a command at each operation on files, and look at what a fault there would leave.

A function is run once. Before each operation that changes the watched folder (open for writing, rename,
remove, mkdir, chmod, fsync, ...) the folder's state is kept: that is what a process killed there leaves
behind. Then a forked copy of the process goes on with a fault in it, and the folder is put back as it was.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

State = Mapping[str, bytes | None]  # relative path to content; None for a folder
FAULTS = ("full disk", "error once", "interrupt")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    f"os.{name}"
    for name in ("rename", "remove", "mkdir", "rmdir", "chmod", "truncate", "link", "symlink", "fsync")
)
_NEEDS_SPACE = frozenset(("open", "os.mkdir", "os.fsync", "os.link", "os.symlink"))


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes
    ----------
    code
        Of the exit; minus the signal that killed it.
    """

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Stop:
    """A moment before an operation.

    Attributes
    ----------
    number
        Of the stop, from 0.
    event
        The operation, such as ``"os.rename w.json"``.
    state
        Of the folder: what a process killed here leaves.
    faults
        How the command ended with each fault here, and what it left.
    """

    number: int
    event: str
    state: State
    faults: Mapping[str, tuple[Ended, State]]


@dataclass
class Watched:
    """A run that was stopped everywhere; ``outside`` are paths that it changed elsewhere."""

    ended: Ended
    stops: list[Stop] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def contents(folder: Path) -> State:
    """All files and folders in a folder."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def put(folder: Path, state: State) -> None:
    """Make a folder hold a state, with as few changes as possible."""
    found = contents(folder)
    for name in sorted(found, reverse=True):
        if name not in state or (found[name] is None) != (state[name] is None):
            path = folder / name
            path.rmdir() if found[name] is None else path.unlink()
    for name, content in state.items():
        if content is None:
            (folder / name).mkdir(exist_ok=True)
        elif found.get(name) != content:
            (folder / name).write_bytes(content)


def forked(run: Callable[[], int], before: Callable[[], object] = lambda: None) -> Ended:
    """Run a function in a forked process, after another one; its result is the exit code."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _capture()
        before()
        _report(_code(run), writer)
    os.close(writer)
    return _ended(child, reader)


def _capture() -> None:
    for name in ("stdout", "stderr"):
        setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True))


def _captured(stream: Any) -> str:
    content: bytes = stream.buffer.getvalue()
    return content.decode()


def _code(run: Callable[[], int]) -> int:
    """The exit code that Python would end with."""
    try:
        return run()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001, RUF100 - as Python itself does
        traceback.print_exc()
        return 1


def _report(code: int, writer: int) -> NoReturn:
    """Tell the parent how it ended, and leave without any cleaning up."""
    report = "\0".join((str(code), _captured(sys.stdout), _captured(sys.stderr)))
    with os.fdopen(writer, "wb") as stream:
        stream.write(report.encode())
    os._exit(0)


def _ended(child: int, reader: int) -> Ended:
    with os.fdopen(reader, "rb") as stream:
        report = stream.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return Ended(-os.WTERMSIG(status), "", "")
    code, out, err = report.split("\0")
    return Ended(int(code), out, err)


class Watch:
    """The hook; one for a process, since Python cannot remove it."""

    def __init__(
        self, folder: Path, shadow: Path, ignored: Sequence[Path], chosen: Callable[[int, str], bool]
    ) -> None:
        self.folder, self.shadow = folder, shadow
        self.chosen = chosen  # whether faults are tried at a stop, by its number and event
        self.ignored = ignored
        self.active = False
        self.fault: str | None = None  # in the forked copy: what fails
        self.watched: Watched | None = None
        self.writer: int | None = None
        sync = os.fsync

        def audited(descriptor: int) -> None:
            sys.audit("os.fsync", descriptor)
            sync(descriptor)

        os.fsync = audited  # type: ignore[assignment]
        sys.addaudithook(self._hook)

    def run(self, function: Callable[[], int]) -> Watched:
        """Run a function and stop it at each operation."""
        self.watched = watched = Watched(Ended(0, "", ""))
        streams = sys.stdout, sys.stderr
        _capture()
        self.active = True
        code = _code(function)
        self.active = False
        if self.writer is not None:  # a forked copy, whose parent waits
            _report(code, self.writer)
        watched.ended = Ended(code, _captured(sys.stdout), _captured(sys.stderr))
        sys.stdout, sys.stderr = streams
        return watched

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active or (event != "open" and event not in _CHANGES):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITES):
            return
        self.active = False
        try:
            self._look(event, arguments)
        finally:
            self.active = True

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        names = arguments[:2] if event in {"os.rename", "os.link"} else arguments[:1]
        paths = [_path(name) for name in names]
        if not any(path.is_relative_to(self.folder) for path in paths):
            if self.watched is not None and not any(paths[0].is_relative_to(each) for each in self.ignored):
                self.watched.outside.append(f"{event} {paths[0]}")
            return
        if self.fault == "full disk" and event in _NEEDS_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(paths[0]))
        if self.fault is None:
            shown = " ".join(str(path.relative_to(self.folder)) for path in paths if path != self.folder)
            self._stop(f"{event} {shown}")

    def _stop(self, event: str) -> None:
        state = contents(self.folder)
        self._keep(state)
        faults: dict[str, tuple[Ended, State]] = {}
        assert self.watched is not None
        for fault in FAULTS if self.chosen(len(self.watched.stops), event) else ():
            sys.stdout.flush()
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                os.close(reader)
                self.writer, self.fault = writer, fault
                if fault == "interrupt":
                    raise KeyboardInterrupt
                kind = errno.ENOSPC if fault == "full disk" else errno.EIO
                raise OSError(kind, os.strerror(kind))
            os.close(writer)
            faults[fault] = (_ended(child, reader), contents(self.folder))
            self._restore(state)
        self.watched.stops.append(Stop(len(self.watched.stops), event, state, faults))

    def _keep(self, state: State) -> None:
        """Keep the files themselves by hard links: the process may have some of them open."""
        for number, name in enumerate(name for name, content in state.items() if content is not None):
            kept = self.shadow / str(number)
            kept.unlink(missing_ok=True)
            kept.hardlink_to(self.folder / name)

    def _restore(self, state: State) -> None:
        files = [name for name, content in state.items() if content is not None]
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if str(path.relative_to(self.folder)) not in state:
                path.rmdir() if path.is_dir() else path.unlink()
        for name, content in state.items():
            if content is None:
                (self.folder / name).mkdir(exist_ok=True)
        for number, name in enumerate(files):
            path, kept = self.folder / name, self.shadow / str(number)
            if not path.exists() or not path.samefile(kept):
                path.unlink(missing_ok=True)
                path.hardlink_to(kept)
            if path.read_bytes() != state[name]:
                path.write_bytes(state[name] or b"")


def _path(name: Any) -> Path:
    if isinstance(name, int):
        return Path(os.readlink(f"/proc/self/fd/{name}"))  # noqa: PTH115
    return Path(os.path.abspath(os.fsdecode(name)))  # noqa: PTH100
