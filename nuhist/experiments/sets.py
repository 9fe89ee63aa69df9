"""Where experiments lie, alone and in sets that are built together."""

from __future__ import annotations

from pathlib import Path

from nuhist.documents import parse_yaml
from nuhist.errors import ConfigError
from nuhist.files import read_text
from nuhist.schemas import check

FILE_NAME, SET_NAME = "experiment.yaml", "experiments.yaml"
_HERE = Path(__file__).parent


def bundled_folders() -> dict[str, Path]:
    """Folders of bundled experiments, by name; those of a set have its name before theirs."""
    alone = {path.parent.name: path.parent for path in _HERE.glob(f"*/{FILE_NAME}")}
    folders = [path.parent for path in _HERE.glob(f"*/*/{FILE_NAME}")]
    inside = {f"{folder.parent.name}_{folder.name}": folder for folder in folders}
    return dict(sorted((alone | inside).items()))


def bundled_sets() -> tuple[str, ...]:
    """Names of sets of experiments that nuhist carries, which are built together."""
    return tuple(sorted(path.parent.name for path in _HERE.glob(f"*/{SET_NAME}")))


def set_file(name: str | Path) -> Path | None:
    """The experiments.yaml of a set, bundled or in a folder; None for all else."""
    file = (_HERE / name if str(name) in bundled_sets() else Path(name)) / SET_NAME
    return file if file.is_file() else None


def members(name: str | Path) -> list[str]:
    """What experiments of a set are loaded by: their names, or their folders.

    Raises
    ------
    ConfigError
        If its file cannot be used.
    """
    file = set_file(name)
    if file is None:
        return []
    content = parse_yaml(read_text(file), str(file), ConfigError)
    check(content, "experiments", str(file), ConfigError)
    found: list[str] = content["experiments"]
    if str(name) in bundled_sets():
        return [f"{name}_{member}" for member in found]
    return [str(file.parent / member) for member in found]
