"""A file that says what a combination shares: proposed by nuhist, edited by the user, read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nuhist.characters import printable
from nuhist.documents import parse_yaml
from nuhist.errors import ConfigError, unknown_name
from nuhist.files import read_text
from nuhist.histfactory.combination_parts import combination_parts, rename_all
from nuhist.histfactory.correlation import Held, held
from nuhist.histfactory.loading import Source, Unchanged
from nuhist.histfactory.sharing import own_bins, several, shareable, sizes_of

_KEYS = ("correlate", "decorrelate", "rename", "prefer")
_HEAD = """\
# What the combination of {parts} shares.
# Names under correlate are one parameter, with the correlation given; those under decorrelate are kept
# apart. With another name in place of the correlation, the two are one parameter. Under prefer, own keeps
# each workspace's size of an effect, first takes the first workspace's, and the name of a workspace takes
# that one's. Combine with: nuhist combine ... --correlations THIS_FILE
"""


def combination_plan(
    workspaces: Sequence[Source | Unchanged], *, rename: Mapping[str, str] | None = None, force: bool = False
) -> str:
    """A plan in YAML: all that agrees is shared, all else is kept apart, with the sizes as comments.

    Parameters
    ----------
    workspaces, rename, force
        As of :func:`nuhist.combine`.

    Raises
    ------
    ConfigError, ModelError
        If they cannot be combined at all, whatever is shared.
    """
    parts = combination_parts(workspaces, force=force)
    rename_all(parts, rename or {})
    found = held(parts)
    shared = shareable(found)
    of_bins = own_bins(found, ())
    apart = [name for name in several(found) if name not in {*shared, *of_bins}]
    differing = [name for name in shared if len({each.words for each in found[name].values()}) > 1]
    lines = [_HEAD.format(parts=", ".join(part.name for part in parts))]
    lines += _block("correlate", [f"{_key(name)}: 1  {_sizes(found, name)}" for name in shared], "{}")
    lines += _block("decorrelate", [f"- {_key(name)}  {_sizes(found, name)}" for name in apart], "[]")
    gaussian = [name for name in differing if next(iter(found[name].values())).kind == "gaussian"]
    lines += _block("prefer", [f"{_key(name)}: own" for name in gaussian], "{}")
    if of_bins:
        lines.append(
            f"# Factors of bins, of which each workspace has its own: {', '.join(map(_key, of_bins))}"
        )
    return "\n".join(lines) + "\n"


def _block(key: str, rows: Sequence[str], empty: str) -> list[str]:
    return [f"{key}:", *(f"  {row}" for row in rows)] if rows else [f"{key}: {empty}"]


def _key(name: str) -> str:
    """A name as YAML has it: in quotes, which hold for any name."""
    return json.dumps(name)


def _sizes(found: Held, name: str) -> str:
    return f"# {printable(sizes_of(found[name]))}"


def read_plan(path: Path) -> dict[str, Any]:
    """The choices of a plan, as keywords of :func:`nuhist.combine`.

    Raises
    ------
    ConfigError
        If it is no YAML of that form, with the key.
    DataError
        If the file cannot be read.
    """
    document = parse_yaml(read_text(path), str(path), ConfigError)
    if not isinstance(document, Mapping):
        raise ConfigError(f"{path}: expected {', '.join(_KEYS)} as keys")
    for key in document:
        if key not in _KEYS:
            raise ConfigError(f"{path}: {unknown_name('key', key, _KEYS)}")
    plan = {key: value for key, value in document.items() if value is not None}
    names = plan.get("correlate", {})
    if isinstance(names, list) and _are_texts(names):
        plan["correlate"] = names = dict.fromkeys(names, 1.0)
    right = isinstance(names, dict) and _are_texts(names) and all(map(_is_correlation, names.values()))
    _check(right, path, "correlate", "NAME: RHO, NAME: OTHER_NAME or names")
    apart, renames = plan.get("decorrelate", []), plan.get("rename", {})
    _check(isinstance(apart, list) and _are_texts(apart), path, "decorrelate", "a list of names")
    right = isinstance(renames, dict) and _are_texts([*renames, *renames.values()])
    _check(right, path, "rename", "OLD: NEW")
    prefer = plan.get("prefer", {})
    if not isinstance(prefer, str):
        right = isinstance(prefer, dict) and _are_texts([*prefer, *prefer.values()])
        _check(right, path, "prefer", "own, first, or NAME: WORKSPACE")
    return plan


def _check(right: bool, path: Path, key: str, expected: str) -> None:
    if not right:
        raise ConfigError(f"{path}: {key}: expected {expected}")


def _are_texts(values: Any) -> bool:
    return isinstance(values, list | dict) and all(isinstance(value, str) for value in values)


def _is_correlation(value: Any) -> bool:
    """Whether it is a number, another name, or a list of other names."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number or isinstance(value, str) or (isinstance(value, list) and _are_texts(value))
