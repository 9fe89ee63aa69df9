"""Every block of code on the site is run, or a list says why not.

``blocks.py`` runs a page from its first block to its last, in a folder of its own. Doctests are found by
pytest, cells by ``sphinx-build``.
"""

from __future__ import annotations

import json
import pickle
import shutil
import tarfile
from collections.abc import Callable, Iterator
from doctest import DocTestParser
from pathlib import Path

import numpy as np
import pyhf
import pytest
import yaml
from click.testing import CliRunner

from nuhist import load_experiment
from nuhist.cli.main import main
from nuhist.exchange.inference_interface.files import TemplateFile, template_file_bytes
from nuhist.physics.targets.registry import read_target
from tests.blocks import DOCS, PAGES, Step, blocks, page_text, printed_as, run_steps, steps
from tests.exchange import alea_models

INSTALLS = "it changes the environment, or makes one"
TESTS = "it runs the tests"
CLUSTER = "it needs a cluster"
ATLAS = "it needs records that ATLAS published"
DOWNLOADS = "it downloads"
ROOT = "it needs ROOT"
LONG = "it takes longer than 3 s of CPU"
PACKAGE = "it is a line in the metadata of another package"
SHELL = "it belongs into a file that a shell reads; tests/cli/test_help.py tries completion"
# Commands and blocks that are not run, by their beginning.
LEFT_OUT: dict[str, dict[str, str]] = {
    "explanation/comparison.md": {"nuhist reproduce --markdown": LONG},
    "how-to/add-physics.md": {'[project.entry-points."nuhist.methods"]': PACKAGE},
    "how-to/combine.md": {"nuhist combine sr2j_1600.json": ATLAS, "correlate:": ATLAS},
    "how-to/formats-cabinetry.md": {"cabinetry ranking": LONG},
    "how-to/formats-hs3.md": {"import ROOT": ROOT},
    "how-to/formats-root.md": {"hist2workspace": ROOT},
    "how-to/install.md": {
        "git clone": DOWNLOADS,
        "python -m venv": INSTALLS,
        "python -m pip": INSTALLS,
        "rattler-build": INSTALLS,
    },
    "how-to/many-toys.md": {"host$": CLUSTER, "from pathlib import Path\n\nfrom dask_jobqueue": CLUSTER},
    "how-to/other-formats.md": {'[project.entry-points."nuhist.formats"]': PACKAGE},
    "how-to/published-likelihoods.md": {"curl": DOWNLOADS},
    "how-to/send-a-page.md": {"pip install": INSTALLS},
    "index.md": {"pip install": INSTALLS},
    "reference/contributing.md": {
        "python3 -m venv": INSTALLS,
        "pip install -e": INSTALLS,
        "pip install pre-commit": INSTALLS,
        "pytest": TESTS,
        "ruff": TESTS,
        "bash scripts/test.sh  ": TESTS,
        "bash scripts/test.sh -m": TESTS,
        "bash scripts/quick.sh": TESTS,
    },
    "reference/gallery.md": {'[project.entry-points."nuhist.figures"]': PACKAGE},
    "reference/shell.md": {"eval ": SHELL},
    "tutorials/first-limit.md": {"python -m venv": INSTALLS, "python -m pip": INSTALLS},
}
# Their Python has tests of its own in test_docs.py, where both sides are compared.
ELSEWHERE = {"how-to/from-pyhf-and-cabinetry.md": ("python", "text")}

FOUR, TWO = "lz_ws2022 lz_ws2024 xenonnt_sr0 pandax4t_run1", "lz_ws2022 pandax4t_run1"
# Points, toys and experiments that a page has, and how many will do here.
SMALLER: dict[str, dict[str, str]] = {
    "explanation/hypotheses-absorption.md": {":41:log": ":2:log", "sr0 xenonnt_sr0_high": "sr0"},
    "explanation/hypotheses-bosons.md": {":31:log": ":2:log", FOUR: TWO},
    "explanation/hypotheses-electromagnetic.md": {":31:log": ":2:log", FOUR: TWO},
    "explanation/hypotheses-weak.md": {FOUR: "pandax4t_run1", "0.68,0.90": "0.68"},
    "explanation/nuclei.md": {":13:log": ":2:log", FOUR: "pandax4t_run1"},
    "how-to/exclusion-plane.md": {" --jobs 2": ""},
    "how-to/formats-xenon.md": {"--ntoys 100000": "--ntoys 20"},
    "how-to/many-toys.md": {
        "--ntoys 10000 --seed 1 --jobs 2": "--ntoys 20 --seed 1",
        "--ntoys 100000 ": "--ntoys 20 ",
    },
    "how-to/send-a-page.md": {
        "toys=1000": "toys=20",
        "lz.json xenonnt.json joint.json": "lz.json xenonnt.json",
    },
    "how-to/xenonnt-release.md": {"--ntoys 1000 ": "--ntoys 20 "},
    "reference/gallery.md": {
        ":31:log": ":2:log",
        ":7:log": ":2:log",
        f"{FOUR} --hypothesis": "pandax4t_run1 --hypothesis",
        "lz_ws2022 lz_ws2024 xenonnt_sr0 --": f"{TWO} --",
        "lz_ws2022 xenonnt_sr0 --": "pandax4t_run1 --",
        "build xenonnt_sr0 --": "build pandax4t_run1 --",
    },
    "tutorials/xenonnt-release.md": {"feldman-cousins": "feldman-cousins --ntoys 20"},
}

# What a page shows of a file goes into these files.
FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "explanation/hypotheses.md": {"# title": ("alp.csv",)},
    "how-to/add-my-experiment.md": {
        "name: mydetector": ("mydetector/experiment.yaml",),
        "E_keV": ("mydetector/efficiency.csv",),
    },
    "how-to/add-physics.md": {
        "from functools import partial": ("my.py",),
        "name: enriched": ("enriched.yaml",),
    },
    "how-to/combine.md": {
        '{\n  "channels"': ("other.json", "twice.json"),
        '{\n  "nuhist_version"': ("twice.meta.json",),
    },
}


def built(name: str, *experiments: str) -> None:
    """Build a workspace of the magnetic moment."""
    words = ["build", *experiments, "--hypothesis", "magnetic-moment", "-o", name]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output


def of_lz() -> None:
    """The workspace that an earlier page makes."""
    built("lz.json", "lz_ws2022")


def of_several() -> None:
    """A workspace that other pages make."""
    built("xenonnt.json", "pandax4t_run1")  # takes less time


def of_an_own_detector() -> None:
    """The folder of the experiment."""
    Path("mydetector").mkdir()


def of_an_abstract() -> None:
    """What the page tells to write."""
    Path("abstract.txt").write_text("An abstract.\n", encoding="utf-8")


def of_physics() -> None:
    """``my.py`` with the code of the page's first examples."""
    page = "how-to/add-physics.md"
    examples = DocTestParser().get_examples("".join(blocks("pycon", page)[:2]))
    code = [each.source.replace('HYPOTHESES["my-vector"] =', "mine =") for each in examples]
    Path("my.py").write_text("\n".join(code) + "\n", encoding="utf-8")


def of_curves() -> None:
    """Published curves, which the page names from the repository."""
    shutil.copytree(DOCS / "published", "docs/published")


def of_the_release() -> None:
    """A small model whose files are called as XENONnT's, which states no licence and is not here."""
    pytest.importorskip("h5py")
    folder = Path("DATA")
    folder.mkdir()
    content = yaml.safe_load(alea_models.write_model(folder).read_text(encoding="utf-8"))
    (term,) = content["likelihood_config"]["likelihood_terms"]
    term["sources"][0]["named_parameters"] = ["t_ly", "t_qy"]
    content["likelihood_config"]["likelihood_terms"] = [{**term, "name": name} for name in ("SR0", "SR1")]
    (folder / "statistical_model_base.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "wimp_si").mkdir()
    for path in (folder / "signal").iterdir():
        _, _, ly, qy = path.stem.split("_")
        for run in ("sr0", "sr1"):
            name = f"template_XENONnT_{run}_wimp_si_6_cevns_tly_{ly}_tqy_{float(qy):.1f}.h5"
            (folder / "wimp_si" / name).write_bytes(path.read_bytes())
    (events,) = pickle.loads((folder / "data.pkl").read_bytes())
    (folder / "real_data.pkl").write_bytes(pickle.dumps([events, events[:3]]))


def of_root() -> None:
    """ROOT's own file of the tests, and a background."""
    uproot = pytest.importorskip("uproot")
    of_lz()
    shutil.copy(DOCS.parent / "tests" / "exchange" / "root" / "foreign.root", "theirs.root")
    edges = np.asarray(load_experiment("lz_ws2022").edges)
    with uproot.recreate("mine.root") as file:
        file["beta"] = (np.full(len(edges) - 1, 4.0), edges)


def of_xenon() -> None:
    """A small model, and small templates in files called as those of XENON."""
    of_the_release()
    of_lz()
    shapes = {"er": (0, 0), "ac": (1, 0), "b8": (0, 0), "b8_tqy_1": (0, 1), "b8_tqy_-1": (0, -1)}
    for name, (ly, qy) in shapes.items():
        template = TemplateFile(alea_models.AXES, {"template": alea_models.counts("b8", ly, qy)})
        Path(f"sr0_{name}.h5").write_bytes(template_file_bytes(template))
    Path("sr0.csv").write_text("counts\n3\n2\n1\n", encoding="utf-8")


def of_atlas() -> None:
    """A small background and PatchSet, in files called as those of ATLAS, alone and as a record."""
    norm = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    background = {
        "channels": [
            {"name": "SR", "samples": [{"name": "bkg", "data": [9.0, 4.0], "modifiers": [norm]}]},
        ],
        "observations": [{"name": "SR", "data": [8.0, 4.0]}],
        "measurements": [{"name": "search", "config": {"poi": "mu_SIG", "parameters": []}}],
        "version": "1.0.0",
    }
    strength = {"name": "mu_SIG", "type": "normfactor", "data": None}
    patches = []
    for heavy in (600, 700, 800):
        for light in (130, 300):
            size = 10.0 * (600 / heavy) ** 8 * (130 / light) ** 0.2
            sample = {"name": "signal", "data": [size / 2, size], "modifiers": [strength]}
            patches.append(
                {
                    "metadata": {"name": f"signal_{heavy}_{light}", "values": [heavy, light]},
                    "patch": [{"op": "add", "path": "/channels/0/samples/0", "value": sample}],
                }
            )
    patches[0]["metadata"]["name"] = "POINT"  # type: ignore[index]
    patchset = {
        "metadata": {
            "references": {"hepdata": "ins1234567"},
            "description": "invented",
            "digests": {"sha256": pyhf.utils.digest(background)},
            "labels": ["m_heavy", "m_light"],
        },
        "patches": patches,
        "version": "1.0.0",
    }
    with tarfile.open("RECORD.tar.gz", "w:gz") as archive:
        for name, content in (("BkgOnly.json", background), ("patchset.json", patchset)):
            Path(name).write_text(json.dumps(content), encoding="utf-8")
            archive.add(name)


def of_a_plane() -> None:
    """A PatchSet, and the workspaces that other pages make."""
    of_atlas()
    of_lz()
    words = "build pandax4t_run1 --hypothesis millicharge-fea --flavor e --hypothesis millicharge-fea"
    result = CliRunner().invoke(main, [*words.split(), "--flavor", "mu", "-o", "charges.json"])
    assert result.exit_code == 0, result.output


# What pages take from elsewhere.
BEFORE: dict[str, Callable[[], None]] = {
    "explanation/hypotheses-absorption.md": of_curves,
    "how-to/add-my-experiment.md": of_an_own_detector,
    "how-to/add-physics.md": of_physics,
    "how-to/exclusion-plane.md": of_a_plane,
    "how-to/formats-cabinetry.md": of_lz,
    "how-to/formats-root.md": of_root,
    "how-to/formats-xenon.md": of_xenon,
    "how-to/publish-on-hepdata.md": of_an_abstract,
    "how-to/published-likelihoods.md": of_atlas,
    "how-to/send-a-page.md": of_several,
    "how-to/xenonnt-release.md": of_the_release,
    "reference/citation.md": of_lz,
    "reference/gallery.md": of_atlas,
    "reference/shell.md": of_lz,
    "tutorials/xenonnt-release.md": of_the_release,
}
# What pages leave for others to read.
AFTER: dict[str, Callable[[], object]] = {
    "how-to/add-physics.md": lambda: read_target(Path("enriched.yaml")),
}
# Numbers of these are of the files of ATLAS.
NOT_COMPARED = {"how-to/exclusion-plane.md": "nuhist exclusion BkgOnly.json"}


def left_out(page: str, step: Step) -> bool:
    """Whether a list names it."""
    return step.language in ELSEWHERE.get(page, ()) or any(map(step.text.startswith, LEFT_OUT.get(page, ())))


def to_run(page: str) -> list[Step]:
    """What a page has to run and no list leaves out."""
    found = (step for step in steps(page_text(page)) if not left_out(page, step))
    unlike = NOT_COMPARED.get(page)
    return [
        Step(step.language, step.text) if unlike and step.text.startswith(unlike) else step for step in found
    ]


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of its own; what a page sets in pyhf and matplotlib ends with it."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.chdir(tmp_path)
    before = pyhf.get_backend()
    yield
    pyhf.set_backend(*before)
    pyplot.close("all")


@pytest.mark.filterwarnings("ignore")  # of hepdata_lib, cabinetry, matplotlib and NumPy
@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page)])
def test_the_blocks_of_a_page_do_what_it_says(page: str) -> None:
    for package in ("jinja2", "pandas", "hepdata_lib", "hepdata_validator"):
        pytest.importorskip(package)
    BEFORE.get(page, lambda: None)()
    run_steps(to_run(page), FILES.get(page, {}), SMALLER.get(page, {}))
    AFTER.get(page, lambda: None)()


def test_the_lists_name_blocks_that_pages_have() -> None:
    for page, beginnings in LEFT_OUT.items():
        texts = [step.text for step in steps(page_text(page))]
        for start in beginnings:
            assert sum(text.startswith(start) for text in texts) == 1, f"{page}: {start}"
    for page, files in FILES.items():
        for start in files:
            assert any(step.text.startswith(start) for step in to_run(page)), f"{page}: {start}"
    for page, changes in SMALLER.items():
        for long in changes:
            assert any(long in step.text for step in to_run(page)), f"{page}: {long}"
    assert {*FILES, *BEFORE, *SMALLER, *LEFT_OUT, *ELSEWHERE, *NOT_COMPARED} <= set(PAGES)
    for page, start in NOT_COMPARED.items():
        assert any(step.text.startswith(start) for step in to_run(page))


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize(
    "block",
    [
        "```yaml\na: 1\n```",
        "```\nanything\n```",
        "- ```text\n  a\n  ```",
        "~~~text\na\n~~~",
        "```{code-block} console\n$ nuhist limit\n```",
        "```sh\nnuhist limit\n```",
        "```console\n$ other --option\n```",
        "```console\n$ nuhist experiments\nnothing\n```",
        "```python\nprint(1)\n```\n\n```text\n2\n```",
    ],
)
def test_a_block_that_nothing_runs_or_that_is_wrong_fails(block: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_steps(list(steps(f"# A page\n\n{block}\n")), {}, {})


def test_what_nobody_printed_is_noticed() -> None:
    assert printed_as(["a", "...", "  b 9caad7f95ef9"], "a\nx\n\ny\n  b 000000000000\n")
    assert not printed_as(["a", "b"], "a\nc\nb\n")
    assert printed_as(["a 1.21 2e-3", "..."], "a 1.22 2e-3\nb")
    assert not printed_as(["a 1.21"], "a 1.23")
    assert not printed_as(["a 1.21e-11"], "a 1.23e-11")
    assert printed_as(["228.4902878209919"], "228.4902877")
    assert not printed_as(["228.4902878209919"], "228.496")
