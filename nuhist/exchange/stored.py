"""What nuhist stores in files of other formats: JSON that refers to counts, and what reading it can find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from nuhist.errors import ExchangeError, NuhistError

_INTEGERS = "integers"


def reference(counts: Sequence[float], **place: str) -> dict[str, Any]:
    """What stands for counts in the JSON.

    Whole numbers without a decimal point must come back as such, for an identical digest.
    """
    whole = [index for index, value in enumerate(counts) if isinstance(value, int)]
    return {**place, _INTEGERS: whole} if whole else dict(place)


def filled(node: Any, places: Mapping[str, Callable[[str], list[float]]]) -> Any:
    """A document with counts instead of references, by what they are called there."""
    if isinstance(node, list):
        return [filled(entry, places) for entry in node]
    if not isinstance(node, dict):
        return node
    kind = next((key for key in node if key in places), None)
    if kind is None or not node.keys() <= {kind, _INTEGERS}:
        return {key: filled(value, places) for key, value in node.items()}
    counts = places[kind](node[kind])
    for index in node.get(_INTEGERS, ()):
        if counts[index].is_integer():
            counts[index] = int(counts[index])
    return counts


@contextmanager
def as_written(where: str, advice: str) -> Iterator[None]:
    """Turn what a document that is not as nuhist wrote it stumbles over into one error."""
    try:
        yield
    except NuhistError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ExchangeError(f"{where}: is not what nuhist wrote: {brief(error)}; {advice}") from error


@contextmanager
def damage(where: str) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into one error."""
    try:
        yield
    except NuhistError:
        raise
    except Exception as error:
        raise ExchangeError(f"{where}: cannot be read, the file is damaged: {brief(error)}") from error


def brief(error: Exception) -> str:
    """What an error says, on one line that is not long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 160 else f"{text[:157]}..."
