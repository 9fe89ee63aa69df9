"use strict";
// Spectra: reading of single bins, and zoom. Everything else works without this.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const STEPS = 6; // marks on an axis, about
  const ROOM = 1.08; // above the highest point

  function marks(low, high, least) {
    const rough = Math.max((high - low) / STEPS, least);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= rough * (1 - 1e-9));
    const digits = Math.max(-Math.floor(Math.log10(step) + 1e-9), 0);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= high / step + 1e-9; i += 1) {
      found.push([(i * step).toFixed(digits).replace("-", "−"), (100 * (i * step - low)) / (high - low)]);
    }
    return found;
  }

  function redraw(area, axis, side, low, high, least = 0) {
    const holder = area.querySelector(`.marks[data-axis="${axis}"]`);
    const labelled = holder.querySelector("b") !== null || holder.dataset.labels === "yes";
    if (labelled) holder.dataset.labels = "yes";
    holder.replaceChildren(...marks(low, high, least).map(([text, place]) => {
      const mark = document.createElement("span");
      mark.style[side] = `${place}%`;
      if (labelled) mark.append(Object.assign(document.createElement("b"), { textContent: text }));
      return mark;
    }));
  }

  function shown(value) {
    if (value === null) return "–";
    return (Number.isInteger(value) ? value.toFixed(0) : value.toFixed(2)).replace("-", "−");
  }

  function enhance(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const areas = [...figure.querySelectorAll(".area")];
    const [main, lower] = areas;
    const edges = data.edges;
    const count = edges.length - 1;
    const output = figure.querySelector("output");
    const reach = lower.querySelector("svg").viewBox.baseVal;
    let first = 0;
    let last = count - 1;
    let chosen = null;

    const highlights = areas.map((area) => {
      const box = document.createElementNS(SVG, "rect");
      box.setAttribute("class", "chosen");
      box.setAttribute("width", 0);
      box.setAttribute("height", 0);
      area.querySelector("svg").append(box);
      return box;
    });

    function highlight(from, to) {
      highlights.forEach((box, i) => {
        const view = areas[i].querySelector("svg").viewBox.baseVal;
        box.setAttribute("x", edges[from]);
        box.setAttribute("width", edges[to + 1] - edges[from]);
        box.setAttribute("y", view.y);
        box.setAttribute("height", view.height);
      });
    }

    function show(from, to) {
      first = Math.max(0, Math.min(from, count - 1));
      last = Math.max(first, Math.min(to, count - 1));
      const left = edges[first];
      const width = edges[last + 1] - left;
      const top = ROOM * Math.max(...data.tops.slice(first, last + 1));
      main.querySelector("svg").setAttribute("viewBox", `${left} ${-top} ${width} ${top - data.bottom}`);
      lower.querySelector("svg").setAttribute("viewBox", `${left} ${reach.y} ${width} ${reach.height}`);
      redraw(main, "y", "bottom", data.bottom, top);
      areas.forEach((area) => redraw(area, "x", "left", left, left + width, data.in_kev ? 0 : 1));
      if (chosen !== null) choose(Math.max(first, Math.min(chosen, last)));
    }

    function choose(bin) {
      chosen = bin;
      highlight(bin, bin);
      const place = data.in_kev
        ? `${edges[bin].toPrecision(3)} to ${edges[bin + 1].toPrecision(3)} keVee` : `bin ${bin}`;
      const parts = data.components.map(([title, events]) => `${title} ${shown(events[bin])}`);
      output.textContent = `${place}: ${data.what} ${shown(data.observed[bin])}, expected `
        + `${shown(data.total[bin])} ± ${shown(data.uncertainty[bin])}, `
        + `residual ${shown(data.residuals[bin])} σ. ${parts.join("; ")}`;
    }

    function zoom(factor) {
      const size = Math.max(1, Math.min(count, Math.round((last - first + 1) * factor)));
      const middle = chosen === null ? (first + last) / 2 : chosen;
      const from = Math.max(0, Math.min(Math.round(middle - (size - 1) / 2), count - size));
      show(from, from + size - 1);
    }

    const actions = { in: () => zoom(0.5), out: () => zoom(2), all: () => show(0, count - 1) };
    const keys = { "+": "in", "=": "in", "-": "out", 0: "all", Escape: "all" };
    figure.querySelectorAll("button[data-do]").forEach((button) => {
      button.addEventListener("click", () => actions[button.dataset.do]());
    });
    figure.querySelector(".tools").hidden = false;

    main.tabIndex = 0;
    main.setAttribute("role", "group");
    main.setAttribute("aria-label", "Spectrum: left and right arrow choose a bin, plus and minus zoom, 0 shows all");
    main.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1 };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in steps) {
        const bin = chosen === null ? first : chosen + steps[event.key];
        choose(Math.max(first, Math.min(bin, last)));
      } else if (event.key === "Home") choose(first);
      else if (event.key === "End") choose(last);
      else if (event.key in keys) actions[keys[event.key]]();
      else return;
      event.preventDefault();
    });

    function binAt(area, event) {
      const box = area.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const energy = edges[first] + share * (edges[last + 1] - edges[first]);
      let bin = first;
      while (bin < last && edges[bin + 1] <= energy) bin += 1;
      return bin;
    }

    areas.forEach((area) => {
      let start = null;
      area.addEventListener("pointerdown", (event) => {
        if (event.pointerType === "mouse") {
          start = binAt(area, event);
          area.setPointerCapture(event.pointerId);
        } else choose(binAt(area, event));
      });
      area.addEventListener("pointermove", (event) => {
        const bin = binAt(area, event);
        if (start === null) choose(bin);
        else highlight(Math.min(start, bin), Math.max(start, bin));
      });
      area.addEventListener("pointerup", (event) => {
        const bin = binAt(area, event);
        if (start !== null && bin !== start) show(Math.min(start, bin), Math.max(start, bin));
        start = null;
        choose(Math.max(first, Math.min(bin, last)));
      });
      area.addEventListener("pointercancel", () => { start = null; });
    });
  }

  // Only what can be scrolled is a stop of the tabulator.
  function stops() {
    document.querySelectorAll(".scroll").forEach((box) => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }

  document.querySelectorAll("figure.chart").forEach(enhance);
  document.querySelectorAll("details").forEach((box) => box.addEventListener("toggle", stops));
  window.addEventListener("resize", stops);
  stops();
})();
