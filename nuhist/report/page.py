"""One self-contained HTML page on one or several models."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from nuhist.__about__ import __version__
from nuhist.characters import printable
from nuhist.errors import missing_extra
from nuhist.histfactory.patchset import SignalGrid
from nuhist.histfactory.workspace import Workspace
from nuhist.inference.execution import Execution
from nuhist.methods.result_files import Result
from nuhist.report import page_text
from nuhist.report.page_provenance import versions
from nuhist.report.page_results import result_views
from nuhist.report.page_section import draw_scans, make_section
from nuhist.report.page_study import Study, study
from nuhist.values import as_level, percent

if TYPE_CHECKING:
    import jinja2

_PURPOSE = "reports"


@dataclass(frozen=True, eq=False)
class Report:
    """A page and the results on it, one study per model, and results of planes by name."""

    studies: tuple[Study, ...]
    html: str
    results: Mapping[str, Result] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All results as JSON values."""
        return {
            "nuhist_version": __version__,
            "models": [entry.to_json() for entry in self.studies],
            "results": {name: each.to_json() for name, each in self.results.items()},
        }


def make_report(
    models: Sequence[Workspace | SignalGrid],
    *,
    confidence_level: float = 0.90,
    execution: Execution | None = None,
    results: Mapping[str, Result] | None = None,
    command: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Study models and write a page about them.

    A step that fails, such as a fit that does not converge, is on the page with its message; the
    others are still there.

    Parameters
    ----------
    models
        From :func:`nuhist.load`, :func:`nuhist.build` or :func:`nuhist.build_patchset`.
    confidence_level
        Confidence level of the limits.
    execution
        Toys for the goodness of fit; None for the asymptotic p-value alone.
    results
        Exclusions, forecasts and contours by name, which get sections of their own.
    command
        Command that made the page, to be shown on it.
    progress
        Called with what is being done.

    Raises
    ------
    ConfigError
        If the confidence level is not between 0 and 1.
    DataError
        If Jinja2 or matplotlib is not installed.
    """
    check_packages()
    confidence_level = as_level(confidence_level)
    studies = tuple(
        study(
            model,
            confidence_level=confidence_level,
            execution=execution,
            progress=partial(_say, progress, f"model {index} of {len(models)}"),
        )
        for index, model in enumerate(models, 1)
    )
    progress("figures")
    planes = dict(results or {})
    return Report(studies, _render(studies, planes, confidence_level, command), planes)


def _say(progress: Callable[[str], None], model: str, step: str) -> None:
    progress(f"{model}: {step}")


def check_packages() -> None:
    """Refuse early where a package is missing that pages need.

    Raises
    ------
    DataError
        With the command that installs it.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError as error:
        raise missing_extra(_PURPOSE, "Jinja2", "report") from error
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as error:
        raise missing_extra(_PURPOSE, "matplotlib", "report") from error


def _render(
    studies: Sequence[Study], results: Mapping[str, Result], confidence_level: float, command: str | None
) -> str:
    from markupsafe import Markup

    script, style = (_resource(name) for name in ("report.js", "report.css"))
    template = _environment().get_template("report.html")
    sections = [make_section(f"m{index}", entry) for index, entry in enumerate(studies, 1)]
    views = result_views(results)
    titles = [section.headline for section in sections] or [view.title for view in views]
    return template.render(
        title=titles[0] if len(titles) == 1 else f"{len(titles)} {'models' if sections else 'results'}",
        sections=sections,
        views=views,
        together=draw_scans(studies) if len(studies) > 1 else None,
        level=percent(confidence_level),
        command=command,
        versions=versions(),
        # Trusted: files of this package.
        script=Markup(script),  # noqa: S704
        style=Markup(style),  # noqa: S704
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nuhist.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
    )
    environment.filters |= {
        "number": page_text.number,
        "count": page_text.count,
        "decimal": page_text.decimal,
        "symbol": page_text.symbol,
        "unit": page_text.unit,
        "statement": page_text.statement,
    }
    environment.globals |= {
        "quantity": page_text.quantity,
        "measured": page_text.measured,
        "best_fit": page_text.best_fit,
    }
    return environment


def _visible(value: Any) -> Any:
    """What a name from a file holds, without marks that turn the page's text around."""
    if type(value) is str or isinstance(value, PurePath):  # but no Markup, which is this package's own
        return "\n".join(map(printable, str(value).split("\n")))
    return value


def _resource(name: str) -> str:
    return (files("nuhist.report") / "templates" / name).read_text(encoding="utf-8")
