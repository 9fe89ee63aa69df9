"""ROOT files that nuhist wrote and somebody changed: what the histograms say wins, or is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from nuhist import Workspace
from nuhist.errors import ConfigError, ExchangeError, ModelError
from nuhist.exchange.root.read import import_root
from nuhist.exchange.root.write import METADATA, save_root
from nuhist.histfactory.workspace import load_workspace

uproot = pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")

Spec = dict[str, Any]
Change = Callable[..., Path]
EDGES = [0.0, 1.0, 2.5]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """The ROOT file of a small workspace with every kind of histogram."""
    modifiers: list[Spec] = [
        {"name": "norm", "type": "normsys", "data": {"hi": 1.5, "lo": 0.5}},
        {"name": "shape", "type": "histosys", "data": {"hi_data": [6.0, 2.0], "lo_data": [2.0, 6.0]}},
        {"name": "staterror_x", "type": "staterror", "data": [0.5, 0.25]},
        {"name": "each", "type": "shapesys", "data": [1.0, 2.0]},
    ]
    spec: Spec = {
        "channels": [
            {
                "name": "x",
                "samples": [
                    {
                        "name": "s",
                        "data": [1.0, 2.0],
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                    {"name": "b", "data": [4.0, 4.0], "modifiers": modifiers},
                ],
            }
        ],
        "observations": [{"name": "x", "data": [5.0, 3.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
        "version": "1.0.0",
    }
    sidecar = {
        "nuhist_version": "0.1.0",
        "workspace_digest": Workspace(spec).digest,
        "poi": {
            "name": "mu", "coupling": "mu", "unit": "1", "meaning": "mu",
            "reference": 1.0, "power": 1, "scale": 1.0,
        },
        "channels": {"x": {"edges_keV": EDGES, "samples": {"b": "background"}}},
        "parameters": {},
    }  # fmt: skip
    save_root(Workspace(spec, sidecar), tmp_path / "x.root")
    return tmp_path / "x.root"


@pytest.fixture
def change(exported: Path) -> Change:
    """Write the file anew, with uproot alone, with some of its contents replaced (None: left out)."""

    def write(edges: list[float] = EDGES, **contents: Any) -> Path:
        given = {name.replace("__", "/"): entry for name, entry in contents.items()}
        with uproot.open(exported) as file:
            kept = {
                name: file[name]
                for name, kind in file.classnames(cycle=False).items()
                if kind in ("TH1D", "TObjString")
            }
        kept = {name: str(entry) if name == METADATA else entry for name, entry in kept.items()}
        with uproot.recreate(exported) as file:
            for name, entry in (kept | given).items():
                if isinstance(entry, list):
                    file[name] = np.array(entry), np.array(edges)
                elif entry is not None:
                    file[name] = entry
        return exported

    return write


def weighted(edges: list[float], counts: list[float], variances: list[float]) -> Any:
    """A histogram with sums of squared weights."""
    hist = pytest.importorskip("hist", reason="hist is not installed; pip install 'nuhist[root]'")
    histogram = hist.Hist(hist.axis.Variable(edges), storage=hist.storage.Weight())
    histogram[...] = np.stack([counts, variances], axis=-1)
    return histogram


def metadata(path: Path) -> Spec:
    """What the file says of its histograms."""
    found: Spec = json.loads(str(uproot.open(path)[METADATA]))
    return found


def test_an_unchanged_copy_is_the_same(exported: Path, change: Change) -> None:
    before = import_root(exported)
    assert import_root(change()).digest == before.digest
    assert before.sidecar == import_root(exported).sidecar


def test_counts_win(exported: Path, change: Change, run: Callable[..., Result], tmp_path: Path) -> None:
    before = import_root(exported)
    messages: list[str] = []
    found = import_root(change(x__s=[1.0, 7.0], x__data=[6.0, 3.0]), message=messages.append)
    expected = json.loads(json.dumps(before.spec))
    expected["channels"][0]["samples"][0]["data"] = [1.0, 7.0]
    expected["observations"][0]["data"] = [6.0, 3.0]
    assert found.spec == expected
    assert messages == [
        f"{exported}: histograms have changed: digest {found.digest[:12]}, exported {before.digest[:12]}"
    ]
    # The sidecar follows, so that it is found again beside the new workspace.
    found.save(tmp_path / "new.json")
    assert load_workspace(tmp_path / "new.json").sidecar is not None
    result = run("import", "root", exported, "-o", tmp_path / "newer.json")
    assert result.stderr.splitlines()[0] == f"nuhist: {messages[0]}"


def test_shapes_and_uncertainties_win(change: Change) -> None:
    found = import_root(change(x__b_shape_Up=[5.0, 3.0], x__b_each_Uncertainty=[0.5, 0.75]))
    modifiers = {
        entry["type"]: entry["data"] for entry in found.spec["channels"][0]["samples"][1]["modifiers"]
    }
    assert modifiers["histosys"] == {"hi_data": [5.0, 3.0], "lo_data": [2.0, 6.0]}
    assert modifiers["shapesys"] == [0.5, 0.75]
    assert modifiers["staterror"] == [0.5, 0.25]


def test_a_histosys_and_a_sample_may_be_negative_and_data_not(change: Change) -> None:
    shape = import_root(change(x__b_shape_Down=[-2.0, 6.0])).spec["channels"][0]["samples"][1]["modifiers"][1]
    assert shape["data"]["lo_data"] == [-2.0, 6.0]
    assert import_root(change(x__s=[1.0, -2.0])).spec["channels"][0]["samples"][0]["data"] == [1.0, -2.0]
    with pytest.raises(ModelError, match=r"channel 'x': observed counts: bin 1: -2 is negative$"):
        import_root(change(x__data=[1.0, -2.0]))


def test_a_norm_must_fit_its_sample(change: Change) -> None:
    sums = "makes 12 of x/b: scale it too, or import it with ignore_metadata=True"
    path = change(x__b=[4.0, 8.0])  # with its Sumw2 lost too; the shape of the message is another test's
    with pytest.raises(ExchangeError, match="has no Sumw2"):
        import_root(path)
    histogram = weighted(EDGES, [4.0, 8.0], [0.25, 0.0625])
    path = change(x__b=histogram)
    with pytest.raises(ExchangeError, match=rf"x/b_norm_Up: bin 2 is 6, but 'norm' {sums}"):
        import_root(path)
    found = import_root(change(x__b=histogram, x__b_norm_Up=[6.0, 12.0], x__b_norm_Down=[2.0, 4.0]))
    assert found.spec["channels"][0]["samples"][1]["data"] == [4.0, 8.0]


def test_other_edges_in_all_histograms_reach_the_sidecar(exported: Path, change: Change) -> None:
    edges = [0.0, 1.0, 3.0]
    with uproot.open(exported) as file:
        new: dict[str, Any] = {
            name.replace("/", "__"): file[name].values().tolist()
            for name in file.keys(cycle=False)
            if "/" in name
        }
    histogram = weighted(edges, [4.0, 4.0], [0.25, 0.0625])
    found = import_root(change(edges, **{**new, "x__b": histogram}))
    assert found.sidecar is not None
    assert found.sidecar["channels"]["x"]["edges_keV"] == edges


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"x__extra": [1.0, 1.0]}, "x/extra is not in the file's metadata; take it out, or import it with"),
        ({"x__b_shape_Up": None}, "no histogram called 'x/b_shape_Up'; did you mean x/b_shape_Down"),
        ({"x__data": None}, "no histogram called 'x/data'; it has x/s, x/b,"),
        ({"x__b_norm_Down": None}, "no histogram called 'x/b_norm_Down'; did you mean"),
        ({"x__s": [1.0, float("nan")]}, "x/s: bin 2 (from 1 to 2.5): nan is no finite number"),
        ({"x__b_shape_Up": [1.0, float("inf")]}, "x/b_shape_Up: bin 2 (from 1 to 2.5): inf is no finite"),
        ({METADATA: "{"}, f"{METADATA}: is not what nuhist wrote: is no JSON: Expecting"),
        ({METADATA: "[]"}, f"{METADATA}: is not what nuhist wrote: list indices must be"),
        ({METADATA: "[" * 100_000}, f"{METADATA}: is not what nuhist wrote: is JSON nested too"),
        ({METADATA: json.dumps({"format": METADATA, "version": 2})}, "version 2 is not known here"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    change: Change, refused: Callable[..., str], tmp_path: Path, contents: dict[str, Any], message: str
) -> None:
    path = change(**contents)
    found = refused("import", "root", path, "-o", tmp_path / "x.json")
    assert found.startswith(f"{path}: ")
    assert message in found


def test_metadata_of_another_hand_are_checked(exported: Path, change: Change) -> None:
    good = metadata(exported)
    for place, value, message in (
        (("spec", "channels"), 3, "is not what nuhist wrote|is not of type|has no channels"),
        (("spec", "observations"), [{"name": "y", "data": [1.0]}], "'x': has no observation"),
        (("sidecar", "poi"), {}, "is not what nuhist wrote|required property"),
        (("spec", "measurements", 0, "config", "poi"), 3, "is not of type"),
    ):
        bad = json.loads(json.dumps(good))
        node = bad
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = value
        with pytest.raises(Exception, match=message) as caught:
            import_root(change(**{METADATA: json.dumps(bad)}))
        assert type(caught.value).__module__ == "nuhist.errors"


def test_other_bins_than_its_siblings(change: Change) -> None:
    with pytest.raises(
        ExchangeError,
        match=r"x/s has other bin edges than x/data \(2 bins from 0 to 2.5, and 2 bins from 0 to 3\)",
    ):
        import_root(change([0.0, 1.0, 3.0], x__data=[5.0, 3.0]))
    with pytest.raises(
        ExchangeError, match=r"than x/data \(edge 1 at 1, and at 1\.5\); bring them to common"
    ):
        import_root(change([0.0, 1.5, 2.5], x__data=[5.0, 3.0]))


def test_options_are_for_others_files(exported: Path) -> None:
    for options in ({"signal": ["s"]}, {"poi": "mu"}, {"asimov": True}, {"staterror": False}):
        with pytest.raises(ConfigError, match="says itself what its signal, data and errors are"):
            import_root(exported, **options)
    found = import_root(exported, signal=["s"], ignore_metadata=True)
    kinds = {m["name"]: m["type"] for m in found.spec["channels"][0]["samples"][1]["modifiers"]}
    assert kinds == {"norm": "normsys", "shape": "histosys", "staterror_x": "staterror", "each": "shapesys"}
    norm = next(m for m in found.spec["channels"][0]["samples"][1]["modifiers"] if m["name"] == "norm")
    assert norm["data"] == {"hi": 1.5, "lo": 0.5}


def test_a_file_of_other_things(refused: Callable[..., str], exported: Path, tmp_path: Path) -> None:
    content = exported.read_bytes()
    path = tmp_path / "y.root"
    for length in (len(content) - 1, len(content) // 2, 100, 10):
        path.write_bytes(content[:length])
        assert f"{path}: is truncated: {length} of " in refused("import", "root", path)
    for other in (b"", b"{}", b"\x89HDF", content[4:]):
        path.write_bytes(other)
        assert refused("import", "root", path) == f"{path}: is no ROOT file"
    assert "cannot be read: No such file" in refused("import", "root", tmp_path / "none.root")
    assert "cannot be read: Is a directory" in refused("import", "root", tmp_path)
    path.write_bytes(content[:200] + bytes(len(content) - 200))
    assert f"{path}: " in refused("import", "root", path)
