"""ROOT files that somebody else made: ROOT itself (``root/make.py``), uproot and hist."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from nuhist import fit, limit
from nuhist.errors import ConfigError, ExchangeError
from nuhist.exchange.root.read import import_root
from nuhist.histfactory.workspace import Workspace, load_workspace

uproot = pytest.importorskip("uproot", reason="uproot is not installed; pip install 'nuhist[root]'")

Write = Callable[..., Path]
FOREIGN = Path(__file__).parent / "root" / "foreign.root"
EDGES = [0.5, 1.0, 2.0, 4.0]
GOOD: dict[str, list[float]] = {
    "d/data": [7.0, 5.0, 1.0],
    "d/b": [6.0, 4.0, 2.0],
    "d/b_norm_Up": [9.0, 6.0, 3.0],
    "d/b_norm_Down": [3.0, 2.0, 1.0],
    "d/s": [1.0, 2.0, 4.0],
}


def modifiers(workspace: Workspace, sample: str) -> dict[str, Any]:
    """Modifiers of a sample of the first channel, as type and data by name."""
    entry = next(entry for entry in workspace.spec["channels"][0]["samples"] if entry["name"] == sample)
    return {found["name"]: (found["type"], found["data"]) for found in entry["modifiers"]}


def test_a_file_of_root_itself() -> None:
    # Contents are those of root/make.py: TH1D and TH1F, bins of several widths, weighted and not.
    messages: list[str] = []
    found = import_root(FOREIGN, signal=["moment"], message=messages.append)
    assert found.spec["channels"] == [
        {
            "name": "detector",
            "samples": [
                {
                    "name": "beta",
                    "data": [8.0, 8.0, 4.0, 2.0],
                    "modifiers": [
                        {"name": "norm", "type": "normsys", "data": {"hi": 1.25, "lo": 0.75}},
                        {
                            "name": "shape",
                            "type": "histosys",
                            "data": {"hi_data": [9.0, 8.0, 4.0, 1.0], "lo_data": [7.0, 8.0, 4.0, 3.0]},
                        },
                        {"name": "staterror_detector", "type": "staterror", "data": [2.0, 1.0, 0.5, 0.25]},
                    ],
                },
                {
                    "name": "moment",
                    "data": [4.0, 2.0, 1.0, 0.0],
                    "modifiers": [
                        {"name": "mu", "type": "normfactor", "data": None},
                        {"name": "norm", "type": "normsys", "data": {"hi": 1.25, "lo": 0.75}},
                    ],
                },
            ],
        }
    ]
    assert found.spec["observations"] == [{"name": "detector", "data": [12.0, 9.0, 4.0, 2.0]}]
    assert found.spec["measurements"][0]["config"]["poi"] == "mu"
    assert found.sidecar is not None
    channel = found.sidecar["channels"]["detector"]
    assert channel["edges_keV"] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert channel["samples"] == {"beta": "title of beta", "moment": "title of moment"}
    (message,) = messages
    assert message == (
        f"{FOREIGN}: counts outside the bins are left out: detector/data (1 below, 0 above),"
        " detector/beta (0 below, 0.5 above)"
    )


def test_the_command(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["nuhist", "import", "root", "foreign.root"])
    out = tmp_path / "x.json"
    result = run("import", "root", FOREIGN, "--signal", "moment", "--poi", "mu_nu_squared", "-o", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    first, meaning, second = result.stderr.splitlines()
    assert meaning.endswith(
        "mu_nu_squared taken for (mu_nu / 1e-11 mu_B)^2: the signal must be that of 1e-11 mu_B; else choose"
        " another parameter with --poi"
    )
    assert first.startswith(f"nuhist: {FOREIGN}: counts outside the bins")
    assert second.startswith(f"{out}: 27 counts observed, digest ")
    saved = load_workspace(out)
    assert saved.sidecar is not None  # its digest is right
    assert saved.sidecar["poi"]["meaning"] == "(mu_nu / 1e-11 mu_B)^2"  # a name that nuhist knows
    assert saved.sidecar["command"] == "nuhist import root foreign.root"
    assert limit(saved).unit == "mu_B"
    printed = run("import", "root", FOREIGN, "--signal", "moment", "--poi", "mu_nu_squared")
    assert printed.stdout == out.read_text(encoding="utf-8")


def test_floats_doubles_and_plain_arrays(write_root: Write, tmp_path: Path) -> None:
    double = import_root(write_root(tmp_path / "a.root", GOOD, EDGES), signal=["s"])
    assert modifiers(double, "b") == {"norm": ("normsys", {"hi": 1.5, "lo": 0.5})}
    single = import_root(write_root(tmp_path / "b.root", GOOD, EDGES, single=True), signal=["s"])
    assert uproot.open(tmp_path / "b.root")["d/b"].classname == "TH1F"
    assert single.spec == double.spec  # small whole numbers are exact in a TH1F
    with uproot.recreate(tmp_path / "c.root") as file:  # NumPy's pairs; edges in equal steps
        for name, counts in GOOD.items():
            file[name] = np.array(counts), np.linspace(0.0, 3.0, 4)
    plain = import_root(tmp_path / "c.root", signal=["s"])
    assert plain.spec == double.spec
    assert plain.sidecar is not None
    assert plain.sidecar["channels"]["d"]["edges_keV"] == [0.0, 1.0, 2.0, 3.0]


def test_a_norm_is_known_by_its_shape(write_root: Write, tmp_path: Path) -> None:
    def kind(up: list[float], down: list[float], **options: Any) -> str:
        contents = {**GOOD, "d/b_norm_Up": up, "d/b_norm_Down": down}
        path = write_root(tmp_path / "x.root", contents, EDGES, **options)
        return str(modifiers(import_root(path), "b")["norm"][0])

    third = [6.6, 4.4, 2.2]
    assert kind(third, [5.4, 3.6, 1.8], single=True) == "normsys"  # to the rounding of a TH1F
    assert kind([6.6001, 4.4, 2.2], [5.4, 3.6, 1.8]) == "histosys"
    assert kind(third, [5.4, 3.6, 1.8001]) == "histosys"
    assert kind([12.0, 8.0, 4.0], [0.0, 0.0, 0.0]) == "histosys"  # 100 % has no normsys: its lo would be 0


def test_variations_on_some_samples_only(write_root: Write, tmp_path: Path) -> None:
    contents = {**GOOD, "d/s_tilt_Up": [2.0, 2.0, 3.0], "d/s_tilt_Down": [0.0, 2.0, 5.0]}
    found = import_root(write_root(tmp_path / "x.root", contents, EDGES), signal=["s"])
    assert set(modifiers(found, "b")) == {"norm"}
    assert set(modifiers(found, "s")) == {"mu", "tilt"}
    assert found.sidecar is not None
    assert set(found.sidecar["parameters"]) == {"norm", "tilt", "mu"}


def test_statistical_errors(write_root: Write, tmp_path: Path) -> None:
    errors = {"d/b": [0.5, 0.25, 1.0], "d/s": np.sqrt(GOOD["d/s"]), "d/data": [1.0, 1.0, 1.0]}
    path = write_root(tmp_path / "x.root", GOOD, EDGES, errors)
    found = import_root(path, signal=["s"])
    assert modifiers(found, "b")["staterror_d"] == ("staterror", [0.5, 0.25, 1.0])
    assert "staterror_d" not in modifiers(found, "s")  # Sumw2 that are the counts say nothing
    # pyhf reads it, and both engines find the same minimum.
    ours, theirs = (fit(found, engine=engine) for engine in ("compiled", "pyhf"))
    assert ours.twice_nll == pytest.approx(theirs.twice_nll, abs=1e-6)
    plain = import_root(path, signal=["s"], staterror=False)
    assert "staterror_d" not in modifiers(plain, "b")
    assert fit(plain).degrees_of_freedom == ours.degrees_of_freedom


def test_what_is_observed(
    write_root: Write, refused: Callable[..., str], tmp_path: Path, run: Callable[..., Result]
) -> None:
    contents = {name: counts for name, counts in GOOD.items() if name != "d/data"}
    path = write_root(tmp_path / "x.root", contents, EDGES)
    message = refused("import", "root", path, "--signal", "s", "-o", tmp_path / "x.json")
    assert message == (
        f"{path}: d: has no histogram 'data' with the observed counts; add it, or observe what is expected"
        " without the signal: --asimov"
    )
    assert import_root(path, signal=["s"], asimov=True).observed() == {"d": [6.0, 4.0, 2.0]}
    assert import_root(path, asimov=True).observed() == {"d": [7.0, 6.0, 6.0]}
    full = write_root(tmp_path / "y.root", GOOD, EDGES)
    assert import_root(full, signal=["s"]).observed() == {"d": [7.0, 5.0, 1.0]}
    assert import_root(full, signal=["s"], asimov=True).observed() == {"d": [6.0, 4.0, 2.0]}


def test_signals(write_root: Write, refused: Callable[..., str], tmp_path: Path) -> None:
    path = write_root(tmp_path / "x.root", {**GOOD, "d/s_2": [1.0, 0.0, 0.0]}, EDGES)
    found = import_root(path, signal=["s", "s_2"], poi="strength")
    for sample in ("s", "s_2"):
        assert modifiers(found, sample)["strength"] == ("normfactor", None)
    assert "strength" not in modifiers(found, "b")
    none = import_root(path)
    assert none.spec["measurements"][0]["config"]["poi"] == ""
    assert fit(none).best_fit is None
    message = refused("import", "root", path, "--signal", "s_2,s_3", "-o", tmp_path / "x.json")
    assert message == f"no sample of {path} called 's_3'; did you mean s_2 or s?"
    with pytest.raises(ConfigError, match=r"poi='nu': scales no sample; name its samples with signal=..."):
        import_root(path, poi="nu")
    with pytest.raises(ConfigError, match="'norm' is a systematic already"):
        import_root(path, signal=["s"], poi="norm")
    with pytest.raises(ConfigError, match="'q_nu_scaled' is a signed coupling, no factor on a template"):
        import_root(path, signal=["s"], poi="q_nu_scaled")


def test_histograms_in_no_folder_are_one_channel(write_root: Write, tmp_path: Path) -> None:
    flat = {name.removeprefix("d/"): counts for name, counts in GOOD.items()}
    found = import_root(write_root(tmp_path / "lab.root", flat, EDGES), signal=["s"])
    assert [channel["name"] for channel in found.spec["channels"]] == ["lab"]
    assert set(modifiers(found, "s")) == {"mu"}


def test_several_channels_share_parameters(write_root: Write, tmp_path: Path) -> None:
    second = {name.replace("d/", "e/"): [2 * n for n in counts[:2]] for name, counts in GOOD.items()}
    edges = {"": EDGES, **{name: [0.0, 5.0, 10.0] for name in second}}
    found = import_root(write_root(tmp_path / "x.root", GOOD | second, edges), signal=["s"])
    assert [channel["name"] for channel in found.spec["channels"]] == ["d", "e"]
    assert found.sidecar is not None
    assert found.sidecar["channels"]["e"]["edges_keV"] == [0.0, 5.0, 10.0]
    assert {p.name for p in fit(found).parameters} == {"mu", "norm"}


def test_a_name_that_can_be_read_in_two_ways_is_mentioned(write_root: Write, tmp_path: Path) -> None:
    contents = {**GOOD, "d/b_norm": [1.0, 1.0, 1.0]}
    contents |= {"d/b_norm_x_Up": [2.0, 1.0, 1.0], "d/b_norm_x_Down": [0.0, 1.0, 1.0]}
    messages: list[str] = []
    path = write_root(tmp_path / "x.root", contents, EDGES)
    found = import_root(path, message=messages.append)
    assert set(modifiers(found, "b_norm")) == {"x"}
    assert set(modifiers(found, "b")) == {"norm"}
    assert messages == [f"{path}: d: b_norm_x_Up taken for 'x' of b_norm, not of b"]


def test_energies_are_taken_back_from_numbered_bins(everything: dict[str, Any], tmp_path: Path) -> None:
    from nuhist.exchange.root.write import save_root

    for channel in everything["channels"]:
        for sample in channel["samples"]:
            sample["modifiers"] = []
    everything["measurements"][0]["config"] = {"poi": "", "parameters": []}
    save_root(Workspace(everything), tmp_path / "x.root")
    found = import_root(tmp_path / "x.root", ignore_metadata=True)
    assert found.sidecar is not None
    assert found.sidecar["channels"] == {}  # bins 0 to 3 are no keV


BAD: list[tuple[dict[str, Any], str]] = [
    ({"d/b_norm_Down": None}, "d: b_norm_Up has no b_norm_Down; add it, or leave both out"),
    ({"d/b_norm_Up": None}, "d: b_norm_Down has no b_norm_Up; add it, or leave both out"),
    ({"d/c_norm_Up": [1.0, 1.0, 1.0]}, "d: c_norm_Up: no sample has a name that it begins with"),
    ({"d/s": [1.0, -2.0, 4.0]}, "d/s: bin 2 (from 1 to 2): -2 is negative"),
    ({"d/b_norm_Down": [-1.0, 2.0, 1.0]}, "d/b_norm_Down: bin 1 (from 0.5 to 1): -1 is negative"),
    ({"d/data": [1.0, 2.0, np.nan]}, "d/data: bin 3 (from 2 to 4): nan is no finite number"),
    ({"d/b_fluxUp": [1.0] * 3, "d/b_fluxDown": [1.0] * 3}, "b_fluxUp and b_fluxDown look like variations"),
    ({"d/x_each_Uncertainty": [1.0] * 3}, "d: x_each_Uncertainty: no sample has a name"),
    ({"loose": [1.0] * 3}, "loose lies in no folder and others do; expected CHANNEL/SAMPLE"),
    ({"d/deep/b": [1.0] * 3}, "d/deep/b lies too deep; expected CHANNEL/SAMPLE"),
    ({"e/data": [1.0] * 3}, "e: has no samples; expected CHANNEL/SAMPLE"),
]  # fmt: skip


@pytest.mark.parametrize(("contents", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_files_are_refused(
    write_root: Write,
    refused: Callable[..., str],
    tmp_path: Path,
    contents: dict[str, Any],
    message: str,
) -> None:
    kept = {name: counts for name, counts in (GOOD | contents).items() if counts is not None}
    path = write_root(tmp_path / "x.root", kept, EDGES)
    found = refused("import", "root", path, "--signal", "s", "-o", tmp_path / "x.json")
    assert found.startswith(f"{path}: ")
    assert message in found


def test_other_edges_than_its_siblings(
    write_root: Write, refused: Callable[..., str], tmp_path: Path
) -> None:
    for edges, shown in (
        ([0.5, 1.0, 2.0, 5.0], "3 bins from 0.5 to 5, and 3 bins from 0.5 to 4"),
        ([0.5, 1.5, 2.0, 4.0], "edge 1 at 1.5, and at 1"),
    ):
        path = write_root(tmp_path / "x.root", GOOD, {"": EDGES, "d/s": edges})
        message = refused("import", "root", path, "-o", tmp_path / "x.json")
        assert message == (
            f"{path}: d/s has other bin edges than d/data ({shown}); bring them to common bins"
        )
    path = write_root(tmp_path / "x.root", {**GOOD, "d/s": [1.0, 2.0]}, {"": EDGES, "d/s": [0.5, 1.0, 2.0]})
    message = refused("import", "root", path)
    assert "d/s has other bin edges than d/data (2 bins from 0.5 to 2, and 3 bins from" in message


def test_bad_sums_of_squares_are_refused(
    write_root: Write, refused: Callable[..., str], tmp_path: Path
) -> None:
    path = write_root(tmp_path / "x.root", GOOD, EDGES, {"d/b": [1.0, np.nan, 1.0]})
    message = refused("import", "root", path)
    assert message == f"{path}: d/b: sum of squared weights: bin 2 (from 1 to 2): nan is no finite number"


def test_rounding_of_edges_is_no_difference(write_root: Write, tmp_path: Path) -> None:
    # 0.1 + 0.2 is not 0.3: a program that adds up widths gets other last digits.
    edges = {"": [0.0, 0.1, 0.3, 0.6], "d/s": [0.0, 0.1, 0.1 + 0.2, 0.6]}
    assert edges[""] != edges["d/s"]
    import_root(write_root(tmp_path / "x.root", GOOD, edges))


def test_a_file_without_histograms(tmp_path: Path, refused: Callable[..., str]) -> None:
    path = tmp_path / "x.root"
    with uproot.recreate(path) as file:
        file["d/text"] = "text"
    assert "has no histograms of one dimension" in refused("import", "root", path)
    with uproot.recreate(path) as file:
        file["d/map"] = np.ones((2, 2)), np.arange(3.0), np.arange(3.0)
    assert "has no histograms of one dimension" in refused("import", "root", path)


def test_a_profile_is_no_histogram(tmp_path: Path) -> None:
    from nuhist.exchange.root.histograms import open_root

    with uproot.recreate(tmp_path / "x.root") as file:
        file["d/map"] = np.ones((2, 2)), np.arange(3.0), np.arange(3.0)
        file["d/b"] = np.ones(2), np.arange(3.0)
    found = open_root(tmp_path / "x.root")
    assert found.histogram("d/b").counts.tolist() == [1.0, 1.0]
    with pytest.raises(ExchangeError, match="d/map is a TH2D; expected a histogram of one dimension"):
        found.histogram("d/map")
    with pytest.raises(ExchangeError, match="no histogram called 'd/c'; did you mean d/b"):
        found.histogram("d/c")
