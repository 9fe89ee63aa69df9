"""Options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.options import OutputType, PathType, refuse_given
from nuhist.cli.printing import warn
from nuhist.errors import DataError, OptionError

if TYPE_CHECKING:
    from nuhist.histfactory.patches import PatchSet
    from nuhist.histfactory.patchset import SignalGrid
    from nuhist.histfactory.workspace import Workspace
    from nuhist.inference.execution import Execution
    from nuhist.methods.result_files import Result

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

as_json = click.option("--json", "json_output", is_flag=True, help="Print one JSON object.")
allow_outside_option = click.option(
    "--allow-outside", is_flag=True, help="Read tables that an experiment.yaml has outside its folder, too."
)


@dataclass(frozen=True)
class Source:
    """A WS of the command line, with what is to be done to it.

    Attributes
    ----------
    path
        As it was typed.
    patches
        Patches of ``--patch``, in their order.
    verify
        Whether digests of PatchSets are checked.
    """

    path: str
    patches: tuple[str, ...] = ()
    verify: bool = True

    def model(self, *, remarks: bool = True) -> Workspace | SignalGrid:
        """A workspace, or a grid of signal points; remarks on its data are told, unless they go unused."""
        from nuhist.histfactory.loading import load
        from nuhist.histfactory.patchset import SignalGrid

        found = load(self.path, self.patches, verify=self.verify)
        if remarks:
            _remark(found.background if isinstance(found, SignalGrid) else found)
        return found

    def workspace(self) -> Workspace:
        """A workspace: of a record the background, unless a patch is chosen; a grid of signals is none."""
        return self.background()[0]

    def background(self) -> tuple[Workspace, PatchSet | None]:
        """The workspace, and the PatchSet of a record of which no patch is chosen."""
        from nuhist.histfactory.loading import is_grid, load_background, load_patched
        from nuhist.histfactory.record import is_record
        from nuhist.histfactory.workspace import load_workspace

        patchset = None
        if self.patches:
            found = load_patched(self.path, self.patches, verify=self.verify)
        elif is_record(self.path) or self._has_patchset():
            found, patchset = load_background(self.path)
            if patchset is not None and not is_record(self.path) and is_grid(found, patchset):
                raise DataError(f"{self.path}: is a grid of signal points; give its BkgOnly.json, or --patch")
        else:
            found = load_workspace(self.path)
        _remark(found)
        return found, patchset

    def whole(self) -> Workspace | SignalGrid | tuple[Workspace, PatchSet]:
        """All that is there: a record, or a folder that is no grid, with its PatchSet."""
        from nuhist.histfactory.loading import is_grid, load_background
        from nuhist.histfactory.record import is_record

        if self.patches or not (is_record(self.path) or self._has_patchset()):
            return self.model()
        background, patchset = load_background(self.path)
        if patchset is None:
            return self.model()
        _remark(background)
        if self.verify:
            patchset.verify(background)
        grid = not is_record(self.path) and is_grid(background, patchset)
        return self.model() if grid else (background, patchset)

    def _has_patchset(self) -> bool:
        """Whether it is a folder with a PatchSet."""
        from nuhist.histfactory.record import PATCHSET_FILE

        return self.path != "-" and (Path(self.path) / PATCHSET_FILE).is_file()


def _remark(workspace: Workspace) -> None:
    """Tell of data without an event where many are expected, and of what is wrong with a response."""
    from nuhist.histfactory.data_kind import data_remarks, response_remarks

    for remark in (*data_remarks(workspace.spec), *response_remarks(workspace.sidecar)):
        warn(f"{workspace.origin}: {remark}")


_PATCH_OPTIONS = (
    click.option("-p", "--patch", "patches", multiple=True, metavar="FILE[:NAME]",
                 help="Apply a JSON Patch, or a patch of a PatchSet; again for more."),
    click.option("--no-verify", is_flag=True, help="Apply patches that were made for another workspace."),
)  # fmt: skip


def workspace_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """One WS, standard input by default, as a :class:`Source`; with the options that patch it."""

    @wraps(function)
    def read(workspace: str, patches: tuple[str, ...], no_verify: bool, **others: Any) -> Any:
        return function(workspace=_source(workspace, patches, no_verify=no_verify), **others)

    return _with_patches(click.argument("workspace", metavar="WS", default="-")(read))


def workspaces_argument(metavar: str, *, required: bool = False, default: tuple[str, ...] = ()) -> Decorator:
    """Several WS, as a tuple of :class:`Source`; where there is one, options patch it."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def read(
            workspaces: tuple[str, ...], patches: tuple[str, ...], no_verify: bool, **others: Any
        ) -> Any:
            paths = workspaces or default
            if patches and len(paths) != 1:
                raise OptionError("--patch: changes one WS; give it alone")
            sources = tuple(_source(path, patches, no_verify=no_verify) for path in paths)
            return function(workspaces=sources, **others)

        argument = click.argument("workspaces", metavar=metavar, nargs=-1, required=required)
        return _with_patches(argument(read))

    return decorate


def _with_patches(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_PATCH_OPTIONS):
        function = option(function)
    return function


def _source(path: str, patches: tuple[str, ...], *, no_verify: bool) -> Source:
    if no_verify and not patches and not Path(path).is_dir():
        raise OptionError("--no-verify: does nothing without --patch, or a folder with a patchset")
    return Source(path, patches, not no_verify)


results_option = click.option(
    "--result", "results", type=PathType(), multiple=True, metavar="FILE",
    help="Result of exclusion, sensitivity or contour, as JSON; again for more.",
)  # fmt: skip


def read_results(paths: Sequence[Path]) -> dict[str, Result]:
    """Results by the names of their files, each name once."""
    from nuhist.methods.result_files import read_result

    found: dict[str, Result] = {}
    for path in paths:
        name = path.name.removesuffix(".json")
        if name in found:
            raise OptionError(f"--result {path}: another result is called {name}, too; rename one")
        found[name] = read_result(path)
    return found


def output_option(text: str) -> Decorator:
    """``-o FILE`` of what is one text, in pyhf's spelling too; None for standard output."""
    return click.option(
        "-o", "--output-file", "output", type=OutputType(text=True), metavar="FILE", help=text
    )


_HYPOTHESES = (
    "magnetic-moment, light-vector:mass=M, ... (nuhist hypotheses lists them), FILE.py:NAME or TABLE.csv"
)


def remark_on(*hypotheses: str | None) -> None:
    """Tell of what tables among hypotheses leave out."""
    from nuhist.physics.tabulated import remark_of

    for remark in dict.fromkeys(remark_of(name) for name in hypotheses if name):
        if remark is not None:
            warn(remark)


def hypothesis_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--hypothesis`` and ``--flavor``."""
    for option in (
        click.option("--flavor", default="effective", show_default=True, metavar="F",
                     help="effective, e, mu or tau."),
        click.option("--hypothesis", required=True, metavar="H", help=f"{_HYPOTHESES}."),
    ):  # fmt: skip
        function = option(function)
    return function


def hypotheses_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for several hypotheses, whose cross sections add."""
    for option in (
        click.option("--flavor", multiple=True, default=("effective",), show_default="effective", metavar="F",
                     help="effective, e, mu or tau; one for all, or again for each hypothesis."),
        click.option("--hypothesis", required=True, multiple=True, metavar="H",
                     help=f"{_HYPOTHESES}; again for a further coupling."),
    ):  # fmt: skip
        function = option(function)
    return function


_TOY_OPTIONS = (
    click.option("--ntoys", type=click.IntRange(min=1), help="Pseudo-experiments per value."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
                 help="Seed of the toys."),
    click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True,
                 help="Processes; results do not depend on it."),
    click.option("--scheduler", metavar="ADDRESS",
                 help="Address of a Dask cluster, such as tcp://host:8786."),
    click.option("--resume", type=OutputType(dir_okay=False), metavar="FILE",
                 help="Checkpoint: what is done is kept there and taken from there."),
)  # fmt: skip


toys_at_option = click.option("--toys-at", default="fitted", show_default=True, metavar="V",
                              help="Nuisance parameters of the toys: fitted or nominal.")  # fmt: skip
TOY_NAMES = ("ntoys", "seed", "toys_at", "jobs", "scheduler", "resume")


def toy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of how toys are thrown and by whom."""
    for option in reversed(_TOY_OPTIONS):
        function = option(function)
    return function


def work_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say who computes, for work without toys."""
    for option in reversed(_TOY_OPTIONS[2:]):
        function = option(function)
    return function


def refuse_toy_options(reason: str) -> None:
    """Refuse options of toys where none are thrown, instead of leaving them unused.

    Raises
    ------
    OptionError
        With the options and the reason.
    """
    refuse_given(TOY_NAMES, f"no toys are thrown {reason}")


@contextmanager
def toy_execution(ntoys: int, **choices: Any) -> Iterator[Execution]:
    """How to throw toys, with a progress bar where somebody looks at standard error."""
    with execution_of("toys", toys=ntoys, **choices) as execution:
        yield execution


@contextmanager
def execution_of(counted: str, **choices: Any) -> Iterator[Execution]:
    """Who computes, with a progress bar of what is counted where somebody looks at standard error."""
    from nuhist.inference.execution import Execution

    if choices["scheduler"] is not None:
        refuse_given(("jobs",), f"with --scheduler the cluster computes all {counted}")

    if not sys.stderr.isatty():
        yield Execution(**choices)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Toys or points per second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.3g}/s" if task.speed else "", style="progress.data.speed")

    columns = (TextColumn(counted), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(counted, total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield Execution(progress=progress, **choices)
