"""What holds for all tests."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from hypothesis import settings


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
