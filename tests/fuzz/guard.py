"""What a reader may do with a spoiled file: read it, within bounds, or raise NuhistError."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import nuhist
from nuhist.errors import NuhistError
from tests.fuzz.readers import Reader

ACCEPTED = "accepted"
_PACKAGE = str(Path(nuhist.__file__).parent)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = (
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.chmod",
    "os.truncate",
)
_ESCAPES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect")
_SECRET = "/etc/passwd"


class OvertimeError(BaseException):
    """Raised by the alarm; no ``except Exception`` catches it."""


@dataclass(frozen=True)
class Outcome:
    """What became of one input.

    Attributes
    ----------
    kind
        ``"accepted"``, or the class of the error.
    fault
        Empty where the reader behaved, else what it did, the same text for the same fault.
    message
        Of the error.
    seconds
        Of this process that it took.
    """

    kind: str
    fault: str
    message: str
    seconds: float


def watched_read(reader: Reader, folder: Path, target: str, seconds: float) -> Outcome:
    """Read a spoiled file and see what happens.

    Parameters
    ----------
    reader
        Whose turn it is.
    folder
        Where its files lie; temporary files go there too.
    target
        The file that was spoiled.
    seconds
        Of this process after which the reader is stopped; time of others does not count.
    """
    before = _state(folder, target if reader.writes else "")
    start = time.process_time()
    error: BaseException | None = None
    with _audited(folder) as escapes, _temporary(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as for a user: they do not stop a reader
        try:
            with _alarm(seconds):
                reader.read(folder, target)
        except KeyboardInterrupt:
            raise
        except BaseException as caught:
            error = caught
    took = time.process_time() - start
    kind = ACCEPTED if error is None else type(error).__name__
    fault = "" if error is None or isinstance(error, NuhistError) else f"{kind} at {_place(error)}"
    if escapes:
        fault = f"{fault} {escapes[0]}".strip()
    elif _state(folder, target if reader.writes else "") != before:
        fault = f"{fault} files of its folder changed".strip()
    return Outcome(kind, fault, "" if error is None else str(error)[:300], took)


def limit_memory(gigabytes: float) -> None:
    """Give this process so much memory beyond what it has; more is a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise OvertimeError(f"not done after {seconds:g} s")

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


@contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    previous = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = previous


class _Watch:
    """The audit hook, which Python cannot take away again; it looks only while a folder is set."""

    folder = ""
    found: list[str] = []  # noqa: RUF012 - one for the process, as the hook is
    installed = False

    @classmethod
    def hook(cls, event: str, arguments: tuple[Any, ...]) -> None:
        if not cls.folder:
            return
        if event == "open":
            path, _mode, flags = arguments
            if not isinstance(path, str | bytes | os.PathLike):
                return
            if os.fsdecode(path) == _SECRET or (isinstance(flags, int) and flags & _WRITING):
                cls.check("opens", path)
        elif event in _CHANGES:
            base = arguments[-1]  # a folder's descriptor, or -1; the length where a file is cut
            inside = isinstance(base, int) and base >= 0 and event != "os.truncate"
            start = Path(f"/proc/self/fd/{base}").readlink() if inside else Path()
            for path in arguments[:2]:
                if isinstance(path, str | bytes | os.PathLike):
                    cls.check(event, start / os.fsdecode(path))
        elif event in _ESCAPES:
            cls.found.append(f"calls {event}")

    @classmethod
    def check(cls, what: str, path: str | bytes | os.PathLike[str]) -> None:
        where = os.path.realpath(os.fsdecode(path))
        if not where.startswith(cls.folder) and where != os.devnull and "__pycache__" not in where:
            cls.found.append(f"{what} {where}")


@contextmanager
def _audited(folder: Path) -> Iterator[list[str]]:
    """Collect what is written or run outside of a folder, as far as Python itself does it."""
    if not _Watch.installed:
        _Watch.installed = True
        sys.addaudithook(_Watch.hook)
    _Watch.found = []
    _Watch.folder = os.path.realpath(folder)
    try:
        yield _Watch.found
    finally:
        _Watch.folder = ""


def _state(folder: Path, besides: str) -> dict[str, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if name != besides:
            status = path.lstat()
            found[name] = (status.st_size, status.st_mtime_ns if path.is_file() else 0)
    return found


def _place(error: BaseException) -> str:
    """The innermost line of nuhist, and the function outside of it that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_PACKAGE)]
    if not own:
        return "the test itself"
    place = f"nuhist{own[-1].filename.removeprefix(_PACKAGE)}:{own[-1].lineno}"
    if isinstance(error, OvertimeError | MemoryError | RecursionError):
        return place.rpartition(":")[0]  # it may stop anywhere in there
    return place
