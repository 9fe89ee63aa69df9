"""Commands that bring a model into other formats, and back."""

from __future__ import annotations

import click


@click.group(epilog="Example: nuhist export root lz.json -o lz.root")
def export() -> None:
    """Write a workspace in another format."""


@click.group("import", epilog="Example: nuhist import root lz.root -o lz.json")
def import_() -> None:
    """Make a workspace from a file of another format."""
