"""What holds for all tests."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

_ROUNDING = 1e-12  # of the largest number that is expected
_approx = pytest.approx


def approx(expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> Any:
    """``pytest.approx`` with an absolute tolerance that goes with the numbers.

    By default it is 1e-12, in which a charge of 1e-13 is any charge, and a cross section of 1e-45 cm² is 0.
    """
    if abs is None:
        numbers = list(expected.values()) if isinstance(expected, dict) else expected
        try:
            sizes = np.abs(np.asarray(numbers, dtype=float).ravel())
        except (TypeError, ValueError):  # of None and texts among them: pytest says what it makes of these
            sizes = np.zeros(0)
        largest = float(sizes[np.isfinite(sizes)].max(initial=0.0))
        if largest > 0:
            # With an absolute tolerance alone pytest would leave out its relative one.
            rel, abs = (1e-6 if rel is None else rel), _ROUNDING * largest
    return _approx(expected, rel=rel, abs=abs, nan_ok=nan_ok)


pytest.approx = approx


def pytest_configure() -> None:
    """Let processes that tests start take Ctrl-C, which a shell has them ignore in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked ``thorough(keep=N)``, mark the first N cases as ``kept``, which run each time."""
    cases: Counter[str] = Counter()
    for item in items:
        mark = item.get_closest_marker("thorough")
        if mark is None:
            continue
        function = item.nodeid.partition("[")[0]
        if cases[function] < mark.kwargs.get("keep", 0):
            item.add_marker("kept")
        cases[function] += 1


# Each time a quarter of the examples; all of them with the thorough tests.
settings.register_profile("thorough", settings.get_profile("default"))
settings.register_profile("each time", max_examples=25)


def pytest_collection(session: pytest.Session) -> None:
    """Fewer examples of hypothesis where thorough tests are left out."""
    settings.load_profile("each time" if session.config.getoption("markexpr") else "thorough")
