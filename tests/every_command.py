"""Every command of ``nuhist`` with arguments that succeed, and with ones that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from nuhist.cli.main import main
from nuhist.exchange.format import Format
from nuhist.exchange.formats import FORMATS
from nuhist.report.figure_table import FIGURES

BUILD = ("build", "lz_ws2022", "--background", "paper", "--hypothesis", "magnetic-moment")
OTHER = ("build", "lz_ws2024", "--hypothesis", "magnetic-moment", "-o", "other.json")  # is there before


def _there_and_back(each: Format) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The two commands of a format, with arguments."""
    if each.writer:
        path = each.name if each.writer.main else f"lz{each.suffixes[0]}"
        yield f"export {each.name}", ("lz.json", "-o", path)
    if each.writer and each.reader:
        again = f"{path}/{each.writer.main}" if each.writer.main else path
        yield f"import {each.name}", (again, "-o", f"{each.name}.json")


# Of what a figure is drawn.
_SUBJECTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("model", "models", "workspaces"), ("lz.json",)),
    **dict.fromkeys(("experiment", "experiments"), ("lz_ws2022",)),
    "results": ("plane.json",),
    "nothing": (),
}
_FORECAST = ("--hypothesis", "magnetic-moment", "--exposure", "10:20:2")
_OF = {"sensitivity": ("forecast.json",)}  # of what a figure is, where it is not what its kind says
_MORE = {"contour": ("--parameters", "mu_nu_squared,lz_ws2022_background_norm")}
# In this order: what one writes, another reads.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "experiments": ("lz_ws2022",),
    "spectrum": ("lz_ws2022", "--hypothesis", "magnetic-moment", "--coupling", "2e-11"),
    "hypotheses": ("light-scalar:mass=10keV",),
    "sources": ("reactor:power=3GW,distance=14m",),
    "targets": ("germanium",),
    "build": (*BUILD[1:], "-o", "lz.json"),
    "patchset": ("lz_ws2022", "--hypothesis", "millicharge-epa", "--grid=-4e-13:4e-13:17", "-o", "grid"),
    "combine": ("lz.json", "other.json", "-o", "joint.json"),
    "describe": ("lz.json", "--license", "CC-BY-4.0", "-o", "described.json"),
    "validate": ("lz.json",),
    "inspect": ("lz.json",),
    "fit": ("lz.json",),
    "scan": ("lz.json", "--range", "0:2e-11:3"),
    "limit": ("lz.json",),
    "significance": ("lz.json",),
    "gof": ("lz.json",),
    "ranking": ("lz.json",),
    "contour": ("lz.json", "--parameters", "mu_nu_squared,lz_ws2022_background_norm"),
    "moments": ("lz.json",),
    "coverage": ("lz.json", "--range", "0:1e-11:2", "--ntoys", "20"),
    "exclusion": ("grid", "-o", "plane.json"),
    "sensitivity": ("lz_ws2022", *_FORECAST, "-o", "forecast.json"),
    **{
        f"plot {each.name}": (
            *_OF.get(each.name, _SUBJECTS[each.subject]),
            *_MORE.get(each.name, ()),
            "-o",
            f"{each.name}.png",
        )
        for each in FIGURES
    },
    "report": ("lz.json", "--ntoys", "0", "-o", "report.html"),
    **dict(pair for each in FORMATS for pair in _there_and_back(each)),
    "hepdata build": ("lz.json", "--data-license", "CC0-1.0", "-o", "submission"),
    "hepdata validate": ("submission",),
    "cite": ("lz.json",),
    "reproduce": ("--experiments",),
    "rebuild": ("--no-limits", "rebuilt"),
}
SLOW = ("rebuild",)  # tests/report/test_rebuild.py runs parts of it
# Which extra a command needs; `pip install 'nuhist[EXTRA]'` is what it says without.
EXTRAS: Mapping[str, str] = {
    "contour": "plot",
    **{name: "plot" for name in COMMANDS if name.startswith("plot ")},
    "report": "report",
    **{name: each.extra for each in FORMATS if each.extra for name, _ in _there_and_back(each)},
    "hepdata build": "hepdata",
    "hepdata validate": "hepdata",
    "rebuild": "root",
}
_TEMPLATE = ("--template", "background=lz.root:lz_ws2022/background")
_SCHEDULER = ("--ntoys", "10", "--scheduler", "tcp://127.0.0.1:1")
# Options that need an extra which their command does not; by command and option.
OPTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "build --template": ((*BUILD[1:], *_TEMPLATE, "-o", "template.json"), "root"),
    "patchset --template": (
        (*COMMANDS["patchset"][:-1], "replaced", "--background", "paper", *_TEMPLATE),
        "root",
    ),
    "limit --scheduler": (("lz.json", "--method", "feldman-cousins", *_SCHEDULER), "dask"),
    "significance --scheduler": (("lz.json", *_SCHEDULER), "dask"),
    "gof --scheduler": (("lz.json", *_SCHEDULER), "dask"),
    "sensitivity --scheduler": (
        ("lz_ws2022", *_FORECAST, "--scheduler", "tcp://127.0.0.1:1"),
        "dask",
    ),
    "exclusion --scheduler": (("grid", "--scheduler", "tcp://127.0.0.1:1"), "dask"),
    "coverage --scheduler": (("lz.json", "--range", "0:1e-11:2", *_SCHEDULER), "dask"),
    "reproduce --plots": (("--experiments", "--plots", "drawn"), "plot"),
}
_OVER = ("--hypothesis", "light-vector", "--over", "mass=1keV:100keV:2:log")
# What needs the extra that no command needs.
CABINETRY = """
import nuhist
from nuhist.inference.cabinetry_objects import to_fit_results
to_fit_results(nuhist.fit(nuhist.load("lz.json")))
"""
PANDAS = """
import nuhist
nuhist.fit("lz.json").to_dataframe()
"""
# Other forms of what --json prints: several channels, no sidecar, a folder with a patchset, expected limits.
JSON_VARIANTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("experiments", ()),
    ("hypotheses", ()),
    ("hypotheses", ("light-vector",)),
    ("sources", ()),
    ("targets", ()),
    ("validate", ("grid",)),
    ("scan", ("grid", "--range=-1e-13:1e-13:3")),
    ("limit", ("grid",)),
    ("limit", ("lz.json", "--method", "cls", "--expected")),
    ("exclusion", ("lz_ws2022", *_OVER, "-o", "scan.json")),
    ("plot exclusion", ("scan.json", "-o", "some.png")),
    ("report", ("--result", "scan.json", "-o", "some.html")),
    ("plot spectrum", ("joint.json", "--signal", "fit", "-o", "some.png")),
    ("plot spectrum", ("grid", "-o", "some.png")),
    ("plot spectrum", ("alone.json", "--prefit", "-o", "some.png")),
    ("plot scan", ("grid", "-o", "some.png")),
    ("plot pulls", ("alone.json", "-o", "some.png")),
    ("plot ranking", ("alone.json", "-o", "some.png")),
    ("plot world-limits", ("-o", "some.png")),
    ("plot response", ("xenonnt_sr0", "-o", "some.png")),
    ("report", ("alone.json", "--ntoys", "0", "-o", "some.html")),
    ("report", ("grid", "--ntoys", "0", "-o", "some.html")),
)


def commands() -> dict[str, click.Command]:
    """All commands that do something, by names such as ``"export root"``."""

    def walk(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                yield from walk(command, (*path, name))
            else:
                yield " ".join((*path, name)), command

    return dict(walk(main, ()))


def options(name: str) -> set[str]:
    """Names of a command's options."""
    return {option for parameter in parameters(commands()[name]) for option in parameter.opts}


def parameters(command: click.Command) -> list[click.Parameter]:
    """What a command takes, those of the methods of limits among them, but not ``--help``."""
    return [
        entry
        for entry in command.get_params(click.Context(command, **main.context_settings))
        if not entry.is_eager
    ]


def refused(name: str) -> tuple[str, ...]:
    """Arguments with which a command ends with 1: no such file or name, or no place to write."""
    given = COMMANDS[name]
    if name in {"plot flux", "plot cross-section", "reproduce"}:
        return (*(each for each in given if each.startswith("--")), "-o", "gone/file.png")
    if name == "rebuild":
        return ("--no-limits", "--jobs", "1", "lz.json/rebuilt")
    known = {"lz_ws2022": "nowhere"}
    return tuple(known.get(each, f"gone.{each}") if index == 0 else each for index, each in enumerate(given))
