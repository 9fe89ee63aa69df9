"""Sources of neutrinos whose fluxes are a table of a user's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from nuhist.physics.own_parameter import OwnParameter
from nuhist.physics.sources.flux import FluxComponent
from nuhist.physics.sources.parameters import Choice, Settings, SourceKind
from nuhist.physics.sources.source import FluxGroup, Source

Components = Callable[[Path, float], tuple[FluxComponent, ...]]


def own_table(title: str, components: Components, description: str) -> SourceKind:
    """A kind of source that reads one table.

    Parameters
    ----------
    title
        For readers.
    components
        Components of a table's path and the fractional uncertainty of its fluxes.
    description
        Description of a source; ``{file}`` in it stands for the table.
    """

    def made(name: str, settings: Settings) -> Source:
        path = settings.path("table")
        parts = components(path, settings.number("uncertainty"))
        group = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "table"
        return Source(
            name=name,
            title=path.stem,
            groups=(FluxGroup(group, parts, path.name),),
            description=description.format(file=path.name),
            references=(),
        )

    return SourceKind(
        title,
        (
            Choice("table", "CSV file", (), None, table=True),
            OwnParameter("uncertainty", "of the flux, as a fraction", "1", {}, 1e-6, 1.0, 0.1),
        ),
        made,
        shown="table=FILE.csv",
    )
