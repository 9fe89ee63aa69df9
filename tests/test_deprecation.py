"""Old words work, warn where they are used, and name the new one."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import nuhist
from nuhist.deprecation import renamed, warn_of_old
from nuhist.errors import KeywordError, OptionError

THEIRS = {
    "channels": [{"name": "c", "samples": [{"name": "s", "data": [1.0], "modifiers": []}]}],
    "observations": [{"name": "c", "data": [1.0]}],
    "measurements": [{"name": "m", "config": {"poi": "", "parameters": []}}],
    "version": "1.0.0",
}


@renamed("0.2.0", colour="color")
def paint(color: str, **others: Any) -> tuple[str, dict[str, Any]]:
    return color, others


def test_an_old_keyword_is_the_new_one() -> None:
    with pytest.warns(DeprecationWarning, match=r"^colour=... .* since nuhist 0.2.0, .*; write color=...$"):
        assert paint(colour="red", thick=1) == ("red", {"thick": 1})  # type: ignore[call-arg]
    assert paint("red") == ("red", {})  # without a warning, which would be an error here


def test_both_words_are_one_too_many() -> None:
    with pytest.raises(OptionError, match=r"colour=... is the old word for color=...; give one of them"):
        paint(colour="red", color="blue")


def test_the_warning_is_where_the_old_word_is() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nuhist.describe(THEIRS, licence="MIT")  # type: ignore[call-arg]
        warn_of_old("a", "b", "0.2.0")
    assert [each.filename for each in caught] == [__file__, __file__]


def test_the_licence_of_a_description() -> None:
    with pytest.warns(DeprecationWarning, match=r"write license=..."):
        old = nuhist.describe(THEIRS, licence="MIT")  # type: ignore[call-arg]
    assert old.sidecar == nuhist.describe(THEIRS, license="MIT").sidecar
    with pytest.raises(KeywordError, match=r"licens is no option of nuhist.describe; did you mean license"):
        nuhist.describe(THEIRS, licens="MIT")  # type: ignore[call-arg]


def test_an_old_public_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(nuhist._RENAMED, "limits", ("0.2.0", "limit"))
    with pytest.warns(DeprecationWarning, match=r"^nuhist.limits is .*; write nuhist.limit$"):
        assert nuhist.limits is nuhist.limit  # type: ignore[attr-defined]
    assert "limits" not in dir(nuhist)
