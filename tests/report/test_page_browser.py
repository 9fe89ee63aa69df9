"""The report page in headless Chromium; skipped where none is installed."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from nuhist import Execution, Workspace, build
from nuhist.report.page import Report, make_report

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the PATH (Debian: apt-get install chromium)"
)

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000",
)  # fmt: skip
_HOSTILE = "<img src=x onerror=document.documentElement.dataset.owned=1>"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')

Browse = Callable[..., tuple[str, list[str]]]


@pytest.fixture(scope="module")
def report() -> Report:
    """LZ's magnetic moment, and a workspace from elsewhere whose names are hostile."""
    lz = build("lz_ws2022", hypothesis="magnetic-moment")
    samples = [
        {
            "name": _HOSTILE,
            "data": [2, 2, 1],
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
        },
        {"name": f"</script>{_HOSTILE}", "data": [10, 6, 4], "modifiers": []},
    ]
    other = Workspace(
        {
            "channels": [{"name": f"</title>{_HOSTILE}", "samples": samples}],
            "observations": [{"name": f"</title>{_HOSTILE}", "data": [12, 7, 3]}],
            "measurements": [{"name": "only", "config": {"poi": "mu", "parameters": []}}],
            "version": "1.0.0",
        },
        origin="elsewhere.json",
    )
    return make_report([lz, other], execution=Execution(toys=50))


@pytest.fixture(scope="module")
def page(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report.html, encoding="utf-8")
    return path


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Open a file in Chromium; returns its standard output and the lines of the page's console."""

    def call(path: Path, *flags: str) -> tuple[str, list[str]]:
        assert CHROMIUM is not None
        done = subprocess.run(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *flags, path.as_uri()],
            capture_output=True, encoding="utf-8", timeout=120, check=True,
        )  # fmt: skip
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return call


def with_script(page: Path, script: str, name: str) -> Path:
    """A copy without the policy that forbids other scripts; what the script returns goes to its end."""
    html, removed = _POLICY.subn("", page.read_text(encoding="utf-8"))
    assert removed == 1
    ask = f"""<script>
window.addEventListener("load", () => {{
  const answer = document.createElement("pre");
  answer.id = "answer";
  answer.textContent = JSON.stringify((() => {{ {script} }})());
  document.body.append(answer);
  parent.postMessage(answer.textContent, "*");
}});
</script></body>"""
    copy = page.with_name(name)
    copy.write_text(html.replace("</body>", ask), encoding="utf-8")
    return copy


def answer_of(dom: str) -> Any:
    """What a script of :func:`with_script` returned."""
    (text,) = re.findall(r'<pre id="answer">(.*?)</pre>', dom, flags=re.DOTALL)
    return json.loads(unescape(text))


def test_it_opens_without_errors(page: Path, browse: Browse) -> None:
    dom, console = browse(page, "--dump-dom")
    assert console == []
    # The page's own script has run: it shows the buttons and takes the picture among the stops.
    assert dom.count('<div class="tools">') == 2
    assert 'role="group"' in dom
    assert "data-owned" not in dom


def test_other_scripts_are_refused(page: Path, browse: Browse) -> None:
    # Also a check that errors on the console are seen at all.
    copy = page.with_name("refused.html")
    foreign = "<script>document.documentElement.dataset.owned = 1</script></body>"
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", foreign), encoding="utf-8")
    dom, console = browse(copy, "--dump-dom")
    assert "data-owned" not in dom
    assert any("Content Security Policy" in line for line in console)


def test_names_do_nothing_even_without_the_policy(page: Path, browse: Browse) -> None:
    script = "return [document.images.length, document.documentElement.dataset.owned ?? null]"
    dom, _ = browse(with_script(page, script, "names.html"), "--dump-dom")
    assert answer_of(dom) == [0, None]
    assert "&lt;/title&gt;&lt;img src=x" in dom


def test_links_lead_somewhere(page: Path, browse: Browse) -> None:
    script = """
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      const links = [...document.querySelectorAll("a[href^='#']")].map((link) => link.hash.slice(1));
      return {
        twice: ids.filter((id, i) => ids.indexOf(id) !== i),
        count: links.length,
        broken: links.filter((id) => document.getElementById(id) === null),
        hidden: links.filter((id) => document.getElementById(id).getClientRects().length === 0),
        nameless: [...document.querySelectorAll("[aria-labelledby]")]
          .filter((element) => !ids.includes(element.getAttribute("aria-labelledby"))).length,
      };"""
    dom, _ = browse(with_script(page, script, "links.html"), "--dump-dom")
    answer = answer_of(dom)
    assert answer.pop("count") > 20
    assert answer == {"twice": [], "broken": [], "hidden": [], "nameless": 0}


def test_keyboard_and_zoom(page: Path, report: Report, browse: Browse) -> None:
    script = """
      document.querySelectorAll("details").forEach((box) => { box.open = true; });
      const all = (selector, within = document) => [...within.querySelectorAll(selector)];
      const wanted = all("a[href], button, summary, .area.main, .scroll[tabindex]");
      const unreachable = wanted.filter((element) => {
        element.focus();
        return document.activeElement !== element || element.tabIndex < 0;
      }).map((element) => element.outerHTML.slice(0, 80));
      const figure = document.querySelector("figure.chart");
      const area = figure.querySelector(".area.main");
      const read = () => figure.querySelector("output").textContent;
      const views = () => all(".area > svg", figure).map((svg) => svg.getAttribute("viewBox"));
      const marks = () => all(".lower [data-axis=x] b", figure).map((mark) => mark.textContent);
      const press = (key) => area.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      const whole = [views(), marks()];
      for (let i = 0; i < 10; i += 1) press("ArrowRight");
      const tenth = read();
      press("End");
      const last = read();
      press("Home");
      for (let i = 0; i < 9; i += 1) press("ArrowRight");
      figure.querySelector("[data-do=in]").click();
      press("+");
      const near = [views(), marks(), read()];
      press("0");
      const again = [views(), marks()];
      const box = area.getBoundingClientRect();
      const at = (share) => ({
        clientX: box.left + share * box.width, clientY: box.top + 5, pointerType: "mouse", bubbles: true,
      });
      area.setPointerCapture = () => {};
      area.dispatchEvent(new PointerEvent("pointermove", at(0.5)));
      const middle = read();
      area.dispatchEvent(new PointerEvent("pointerdown", at(0.001)));
      area.dispatchEvent(new PointerEvent("pointermove", at(0.4)));
      area.dispatchEvent(new PointerEvent("pointerup", at(0.499)));
      const dragged = views();
      return { unreachable, stops: wanted.length, whole, tenth, last, near, again, middle, dragged };"""
    dom, console = browse(with_script(page, script, "keys.html"), "--dump-dom", "--window-size=1280,900")
    assert console == []
    answer = answer_of(dom)
    assert answer["unreachable"] == []
    assert answer["stops"] > 30
    spectrum = report.studies[0].spectra[0]  # 51 bins of 1/3 keV

    def reading(bin_index: int) -> str:
        low, high = spectrum.edges[bin_index], spectrum.edges[bin_index + 1]
        return f"{low:.3g} to {high:.3g} keVee: observed {spectrum.observed[bin_index]:g}, "

    assert answer["tenth"].startswith("3.00 to 3.33 keVee: ")
    assert f"observed {spectrum.observed[9]:g}, expected {spectrum.total[9]:.2f} ±" in answer["tenth"]
    assert answer["last"].startswith("16.7 to 17.0 keVee: observed 0, ")
    assert answer["middle"].startswith(reading(25))
    (main, lower), marks = answer["whole"]
    assert marks == ["0", "5", "10", "15"]
    assert [float(value) for value in main.split()][::2] == pytest.approx([0, 17])
    # Twice in, around bin 9: 13 of 51 bins, 2/3 keV to 5 keV from its middle.
    near, near_marks, near_reading = answer["near"]
    left, _, width, height = (float(value) for value in near[0].split())
    assert (left, width) == pytest.approx((1, 13 / 3))
    assert float(near[1].split()[0]) == left
    assert near_marks == ["1", "2", "3", "4", "5"]
    assert near_reading == answer["tenth"]
    assert height <= float(main.split()[3]) * (1 + 1e-9)
    restored, restored_marks = answer["again"]
    for before, after in zip((main, lower), restored, strict=True):
        assert [float(x) for x in after.split()] == pytest.approx(
            [float(x) for x in before.split()], rel=1e-3
        )
    assert restored_marks == marks
    # Dragged over the left half: 26 bins.
    assert float(answer["dragged"][0].split()[2]) == pytest.approx(26 / 3, abs=0.34)


@pytest.mark.parametrize("width", [390, 1280])
def test_screenshot(page: Path, browse: Browse, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    browse(page, f"--window-size={width},2000", f"--screenshot={picture}")
    start = picture.read_bytes()[:24]
    assert start[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", start[16:24]) == (width, 2000)
    assert picture.stat().st_size > 50_000  # an empty page takes 10 kB


def test_nothing_sticks_out_or_overlaps(page: Path, browse: Browse) -> None:
    # In frames, because a window of Chromium is not as narrow as a telephone.
    script = """
      const boxes = (selector) => [...document.querySelectorAll(selector)].map((element) => {
        const box = element.getBoundingClientRect();
        return { element, box, text: element.outerHTML.slice(0, 80) };
      });
      const wide = boxes("body *").filter(({ element, box }) => !element.closest(".scroll, svg")
        && box.right > window.innerWidth + 1);
      const labels = [...document.querySelectorAll(".marks")].flatMap((axis) => {
        const places = [...axis.querySelectorAll("b")].map((mark) => mark.getBoundingClientRect());
        return places.slice(1).filter((box, i) => box.left < places[i].right && box.right > places[i].left
          && box.top < places[i].bottom && box.bottom > places[i].top);
      });
      return [window.innerWidth, document.documentElement.scrollWidth, wide.map(({ text }) => text),
        labels.length];"""
    with_script(page, script, "framed.html")
    frames = page.with_name("frames.html")
    frames.write_text(
        """<!doctype html><iframe src="framed.html" width="390" height="800" style="border:0"></iframe>
<iframe src="framed.html" width="1280" height="800" style="border:0"></iframe><pre id="answer"></pre><script>
const answers = [];
window.addEventListener("message", (event) => {
  answers.push(JSON.parse(event.data));
  document.getElementById("answer").textContent = JSON.stringify(answers);
});</script>""",
        encoding="utf-8",
    )
    dom, _ = browse(frames, "--dump-dom", "--window-size=1700,900")
    answers = sorted(answer_of(dom))
    assert [answer[0] for answer in answers] == [390, 1280]
    for width, reach, wide, overlaps in answers:
        assert reach <= width, wide
        assert wide == []
        assert overlaps == 0


def test_print(page: Path, browse: Browse, tmp_path: Path) -> None:
    paper = tmp_path / "page.pdf"
    browse(page, f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    data = paper.read_bytes()
    assert data.startswith(b"%PDF-")
    assert 5 < len(re.findall(rb"/Type\s*/Page\b(?!s)", data)) < 40
