"""What a figure is: its name, what it is of, the function that draws it, and what one can choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nuhist.offered import Offered

Subject = Literal["model", "models", "workspaces", "experiment", "experiments", "results", "nothing"]


@dataclass(frozen=True, kw_only=True)
class FigureKind(Offered):
    """A figure: ``run(subject, **options, **look)`` gives a :class:`nuhist.report.figures.Drawn`.

    Attributes
    ----------
    name
        Name of its command, ``nuhist plot NAME``.
    subject
        What the figure is of: a :class:`nuhist.Model` or several, workspaces, experiments, results of
        ``nuhist exclusion``. Of ``"nothing"`` the
        function takes keywords alone.
    """

    name: str
    subject: Subject = "model"
