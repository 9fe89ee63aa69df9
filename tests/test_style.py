"""The check of habits finds what it should, and finds nothing here."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.style import findings, habits


def test_nothing_is_found_here() -> None:
    assert list(findings()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("This is simply a sum.", "simply"),
        ("Formats, e.g. ROOT.", "e.g."),
        ("In order to fit", None),  # the pattern is of the middle of a sentence
        ("It is there in order to fit.", "in order to"),
        ("the the sum", "the the"),
        ("It allows to fit.", "allows to"),
    ],
)
def test_habits_are_found(text: str, words: str | None) -> None:
    found = list(habits(text))
    assert found == [] if words is None else (len(found) == 1 and found[0].startswith(f"'{words}'"))


def test_fragments_are_found(tmp_path: Path) -> None:
    (tmp_path / "nuhist").mkdir()
    module = '''
def level(confidence_level):
    """Of the limits.

    Parameters
    ----------
    confidence_level
        Of the limits.
    """
'''
    (tmp_path / "nuhist" / "a.py").write_text(module, encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "`the the` is code.\n```\nthe the\n```\nUtilise it.\n", encoding="utf-8"
    )
    assert [line.partition(": ")[0] for line in findings(tmp_path)] == [
        "nuhist/a.py:2", "nuhist/a.py:2", "README.md:5"
    ]  # fmt: skip


def test_small_numbers_are_compared() -> None:
    # Within pytest's own absolute tolerance of 1e-12 each of these would be the other.
    assert pytest.approx(1e-13, rel=0.1) != 2e-13
    assert pytest.approx([1e-21, 3e-21]) != [1e-21, 2e-21]
    assert pytest.approx({"a": 1e-13}) != {"a": 0.0}
    assert pytest.approx([1.0, 0.0]) == [1.0, 1e-17]  # what rounding leaves beside a large number
