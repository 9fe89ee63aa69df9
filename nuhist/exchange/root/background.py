"""A background's counts from a histogram in a ROOT file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nuhist.errors import ConfigError, ExchangeError
from nuhist.exchange.root.channel import report_outside
from nuhist.exchange.root.histograms import open_root
from nuhist.histfactory.options import ReplacedTemplate


def read_template(text: str, message: Callable[[str], None] = lambda _: None) -> ReplacedTemplate:
    """Read what ``SAMPLE=FILE:HISTOGRAM`` names.

    Parameters
    ----------
    text
        Such as ``"beta=mine.root:lz_ws2022/beta"``.
    message
        Called with a line of text if counts outside the bins are left out.

    Raises
    ------
    ConfigError
        If the text has another form.
    DataError
        If the file cannot be read, or uproot is not installed.
    ExchangeError
        If the file is none of ROOT or damaged, there is no such histogram, it has counts that are
        negative or NaN, or labels on its bins.
    """
    sample, _, source = text.partition("=")
    file, _, path = source.rpartition(":")
    if not sample or not file or not path:
        raise ConfigError(f"template '{text}': expected SAMPLE=FILE:HISTOGRAM, such as beta=mine.root:beta")
    found = open_root(Path(file)).histogram(path)
    if found.labels:
        raise ExchangeError(
            f"{source}: has labels on its bins, so that these are no energies; write a histogram without"
        )
    report_outside(file, {path: found}, message)
    return ReplacedTemplate(sample, found.counts, found.edges, source)
