"""Commands whose results fill a plane or a line: exclusions and forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nuhist.cli.build_options import BUILD_NAMES, build_options, taken_options
from nuhist.cli.choices import parameter_options
from nuhist.cli.common import (
    as_json,
    execution_of,
    hypothesis_options,
    remark_on,
    toy_options,
    work_options,
)
from nuhist.cli.options import OutputType, command, refuse_given
from nuhist.cli.printing import print_json, print_remarks, print_table, say, tell, told_apart
from nuhist.physics.coupling import slashed

if TYPE_CHECKING:
    from nuhist.histfactory.options import BuildOptions
    from nuhist.inference.results import JsonResult
    from nuhist.methods.exclusion_results import Exclusion, Expected
    from nuhist.methods.scan_results import ExclusionScan

_GIVEN = ("observed", "exposure", "asimov")  # of a forecast
result_file = click.option(
    "-o", "--output-file", "output", type=OutputType(), metavar="FILE",
    help="Where the result goes, too, as .json or .csv.",
)  # fmt: skip


@command(epilog="Example: nuhist exclusion BkgOnly.json patchset.json --jobs 2 -o plane.json")
@click.argument("sources", metavar="WS [PATCHSET] | EXPERIMENT...", nargs=-1, required=True)
@click.option("--hypothesis", metavar="H", help="One with a parameter of its own, such as light-vector.")
@click.option("--over", multiple=True, metavar="NAME=LO:HI:N[:log]|A,B,...",
              help="Values of that parameter; again for a plane of two.")  # fmt: skip
@click.option("--flavor", metavar="F", help="effective, e, mu or tau (with --over) [default: effective].")
@click.option("--method", metavar="M", help="profile or cls (with --over) [default: profile].")
@click.option("--labels", metavar="X[,Y]", help="Of the contour [default: the first two that are numbers].")
@click.option("--at", multiple=True, metavar="LABEL=VALUE", help="Only points at which a label has a value.")
@click.option("--cl", "--confidence-level", "confidence_level", type=float,
              help="Confidence level [default: 0.95, with --over 0.9].")  # fmt: skip
@click.option("--test-stat", metavar="S", help="q or qtilde [default: qtilde, or q below 0].")
@click.option("--no-verify", is_flag=True, help="Take a PatchSet that was made for another workspace.")
@build_options()
@parameter_options
@work_options
@result_file
@as_json
def exclusion(
    sources: tuple[str, ...],
    labels: str | None,
    at: tuple[str, ...],
    no_verify: bool,
    output: Path | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """CLs and limits at each point of a PatchSet, or limits over a parameter of a hypothesis.

    WS is the background alone; a folder or a record has its PatchSet beside it. With --over, limits on the
    coupling for each EXPERIMENT and for all of them together.
    """
    from nuhist.histfactory.named_values import parse_bounds, parse_numbers, parse_pairs
    from nuhist.methods.exclusion import exclusion as compute
    from nuhist.methods.scan_results import ExclusionScan, ScanPoint

    check_result_file(output)
    options: BuildOptions | None = taken_options(choices)
    if not choices["over"]:
        choices["over"] = None
        refuse_given(BUILD_NAMES, "does nothing with a PatchSet; it belongs to --over")
        options = None
    work = {name: choices.pop(name) for name in ("jobs", "scheduler", "resume")}
    parsed: dict[str, Any] = {
        "engine": None if choices["engine"] == "compiled" else choices["engine"],
        "fixed": parse_numbers(choices.pop("fixed")),
        "init": parse_numbers(choices.pop("init")),
        "bounds": parse_bounds(choices.pop("bounds")),
    }
    del choices["engine"]
    with execution_of("points", **work) as execution:
        result = compute(
            *sources,
            labels=None if labels is None else labels.split(","),
            at=parse_pairs(at),
            verify=False if no_verify else None,
            options=options,
            execution=execution,
            **parsed,
            **choices,
        )
    remark_on(choices["hypothesis"])
    for point in result.failed:
        where = f" at {point.value:g}" if isinstance(point, ScanPoint) else ""
        where += f" and {point.second:g}" if isinstance(point, ScanPoint) and point.second is not None else ""
        tell(f"nuhist: {point.name}{where} fails: {point.failure}")
    deliver_result(result, output)
    if json_output:
        print_json(result.to_json())
        return
    if isinstance(result, ExclusionScan):
        _print_scan(result)
    else:
        _print_exclusion(result)


@command(epilog="Example: nuhist sensitivity lz_ws2022 --hypothesis magnetic-moment --exposure 10:300:7:log")
@click.argument("experiments", metavar="EXPERIMENT...", nargs=-1, required=True)
@hypothesis_options
@click.option("--exposure", required=True, metavar="LO:HI:N[:log]", help="Tonne years.")
@click.option("--coupling", type=float, help="Value of which a significance is expected, in μ_B, e₀ or cm².")
@click.option("--method", default="profile", show_default=True, help="profile or cls.")
@click.option("--cl", "--confidence-level", "confidence_level", type=float,
              help="Confidence level [default: 0.9].")  # fmt: skip
@click.option("--statistics-only", is_flag=True, help="Hold all parameters but the coupling.")
@build_options(without=_GIVEN)
@toy_options
@result_file
@as_json
def sensitivity(
    experiments: tuple[str, ...],
    ntoys: int | None,
    output: Path | None,
    json_output: bool,
    **choices: Any,
) -> None:
    """Expected limits and significances against exposure, from Asimov data [with --ntoys: toys too]."""
    from nuhist.methods.sensitivity import sensitivity as compute

    check_result_file(output)
    options = taken_options(choices, without=_GIVEN)
    work = {name: choices.pop(name) for name in ("seed", "jobs", "scheduler", "resume")}
    if ntoys is None:
        refuse_given(("seed",), "no toys are thrown without --ntoys")
    with execution_of("points" if ntoys is None else "toys", **work) as execution:
        result = compute(*experiments, toys=ntoys, options=options, execution=execution, **choices)
    remark_on(choices["hypothesis"])
    for point in result.failed:
        tell(f"nuhist: {point.name} with {point.exposure:g} t yr fails: {point.failure}")
    deliver_result(result, output)
    if json_output:
        print_json(result.to_json())
        return
    say(result.summary)
    say(f"  {result.method}: {result.convention}", "")
    header = ["experiment", "t yr", f"{result.coupling}{slashed(result.unit)}", "-1 σ", "+1 σ"]
    header += ["toys"] if result.toys else []
    header += [] if result.tested is None else [f"σ at {result.tested:g}"]
    header += ["toys"] if result.toys and result.tested is not None else []
    rows = []
    for point in result.points:
        middle, *band = _limits(point.failure, *_middle(point.upper_expected))
        if middle not in {"open", "failed"} and {*point.upper_expected} == {None, point.upper_expected[2]}:
            band = ["-", "-"]  # not known, as a note says
        row = [point.name, f"{point.exposure:.4g}", middle, *band]
        row += [_limit(point.toys_upper[2])] if point.toys_upper else ["-"] if result.toys else []
        row += [] if result.tested is None else [_shown(point.significance)]
        row += [_shown(point.toys_significance)] if result.toys and result.tested is not None else []
        rows.append(row)
    print_table(header, rows)
    print_remarks(result.data_kind, result.notes)


def _print_scan(result: ExclusionScan) -> None:
    say(result.summary)
    say(f"  {result.method}: {result.convention}", "")
    unit = slashed(result.unit)
    header = [f"{result.over}{slashed(result.over_unit)}"]
    header += [] if result.second is None else [f"{result.second.name}{slashed(result.second.unit)}"]
    across = [*zip(*map(result.curve, result.names), strict=True)]
    places = [told_apart([points[0].value for points in across])]
    places += [] if result.second is None else [told_apart([points[0].second or 0.0 for points in across])]
    rows = [
        [*row, *(text for point in points for text in _limits(point.failure, point.upper_observed))]
        for *row, points in zip(*places, across, strict=True)
    ]
    print_table([*header, *(f"{name} {result.coupling}{unit}" for name in result.names)], rows, left=0)
    print_remarks(result.data_kind, result.notes)


def _print_exclusion(result: Exclusion) -> None:
    say(result.summary)
    say(f"  {result.method}: {result.convention}", "")
    print_table(
        [*result.labels, "CLs", "expected", "upper", "expected", "-1 σ", "+1 σ"],
        [
            [
                *map(_shown, point.values),
                _shown(point.cls_observed),
                _shown(point.cls_expected[2]),
                *_limits(point.failure, point.upper_observed, *_middle(point.upper_expected)),
            ]
            for point in result.points
        ],
        left=0,
    )
    say("")
    for contour in result.contours:
        if contour.of in {"observed", "0"} and contour.lines:
            name = "observed" if contour.of == "observed" else "expected"
            for line in contour.lines:
                sides = [
                    f"{label} {min(values):.4g}" + (f" to {max(values):.4g}" if len(values) > 1 else "")
                    for label, values in zip(result.contour_labels, zip(*line, strict=True), strict=True)
                ]
                say(f"  {name} contour: {', '.join(sides)}")
    if result.interpolation:
        say(f"  contours: {result.interpolation}")
    print_remarks(result.data_kind, result.notes)


def _middle(expected: Expected) -> tuple[float | None, ...]:
    return expected[2], expected[1], expected[3]


def _shown(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.4g}"


def _limits(failure: str | None, *values: float | None) -> list[str]:
    return ["failed" if failure else _limit(value) for value in values]


def _limit(value: float | None) -> str:
    return "open" if value is None else f"{value:.4g}"


def check_result_file(output: Path | None) -> None:
    """Refuse a file of a result that could not be written, before anything is computed for it."""
    from nuhist.errors import DataError
    from nuhist.files import check_output

    if output is None:
        return
    if output.suffix.lower() not in {".json", ".csv"}:
        raise DataError(f"{output}: results are written as .json or .csv; name such a file")
    check_output(output)


def deliver_result(result: JsonResult, output: Path | None) -> None:
    """Write a result to a file, if there is one, and say so."""
    from nuhist.files import to_json, write_atomically

    if output is None:
        return
    as_csv = output.suffix.lower() == ".csv"
    write_atomically(output, result.table().to_csv() if as_csv else to_json(result.to_json()))
    tell(f"{output}: {result.summary}")
