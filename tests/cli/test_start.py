"""What the command imports, and that pyhf is none the worse for what waits."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nuhist


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small workspace's file."""
    path = tmp_path_factory.mktemp("start") / "lz.json"
    nuhist.build("lz_ws2022", hypothesis="magnetic-moment", background="paper").save(path)
    return str(path)


def _run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.thorough(keep=1)
@pytest.mark.parametrize("options", [(), ("--method", "cls")])
def test_a_limit_imports_no_statistics_and_is_compared_with_pyhf(
    workspace: str, options: tuple[str, ...]
) -> None:
    code = (
        "import atexit, sys; from nuhist.__main__ import main\n"
        "atexit.register(lambda: print('loaded', *sys.modules)); main()"
    )
    loaded = _run(code, "limit", workspace, *options).split("loaded ")[1].split()
    assert "pyhf.pdf" in loaded
    assert not {"scipy.stats", "scipy.optimize", "scipy.interpolate", "matplotlib"} & set(loaded)
    if not options:
        assert not {"scipy.special", "scipy.linalg", "scipy.constants", "nuhist.histfactory.channel"} & set(
            loaded
        )


# What pyhf does with the names that wait: calls, methods, and objects that calls return.
QUESTIONS = """
import numpy as np, pyhf
model = pyhf.simplemodels.uncorrelated_background([5.0, 10.0], [50.0, 60.0], [5.0, 12.0])
np.random.seed(7)
print(pyhf.tensorlib.erf(0.3), pyhf.tensorlib.erfinv(0.3))
print(pyhf.tensorlib.normal_cdf(1.5), pyhf.tensorlib.normal(0.5, 1.0, 2.0))
print(model.make_pdf(np.asarray(model.config.suggested_init())).sample((2,)).tolist())
data = [52, 65, *model.config.auxdata]
print(float(pyhf.infer.intervals.upper_limits.toms748_scan(data, model, 0, 5)[0]))
"""


@pytest.mark.thorough
def test_pyhf_answers_as_ever() -> None:
    plain = f"import sys\n{QUESTIONS}\nassert 'scipy.stats' in sys.modules"
    quick = (
        "import sys; from nuhist.cli.start import QuickStart; sys.meta_path.insert(0, QuickStart())\n"
        "import pyhf; waiting = {'scipy.special', 'scipy.stats', 'scipy.optimize'}\n"
        f"assert not waiting & set(sys.modules)\n{QUESTIONS}"
    )
    assert _run(quick) == _run(plain)


def test_pyhf_is_imported_as_it_is_where_the_packages_are_there() -> None:
    code = (
        "import sys; from nuhist.cli.start import QuickStart; sys.meta_path.insert(0, QuickStart())\n"
        "import scipy.stats, pyhf; backend = sys.modules['pyhf.tensor.numpy_backend']\n"
        "print(backend.norm is scipy.stats.norm)"
    )
    assert _run(code) == "True\n"
