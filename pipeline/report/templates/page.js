"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report-data").textContent);
  // A minute of a long call needs so much room that words do not run together; then its chart scrolls.
  const PIXELS_PER_SECOND = 4;
  const drawn = new Set();
  let place = 0;

  async function draw(element, spec, rows, before = []) {
    const whole = { ...spec, datasets: { rows, before } };
    // A layer is named by what it draws; without rows it would have no scale.
    const isThere = ({ name }) => !name || rows.some(({ kind }) => kind === name);
    if (spec.layer) whole.layer = spec.layer.filter(isThere);
    if (element.dataset.height) whole.height = Number(element.dataset.height);
    try {
      await vegaEmbed(element, whole, {
        mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: report.config,
        tooltip: { theme: "custom" },
      });
    } catch (failure) {
      element.classList.add("failed");
      element.textContent = `This chart could not be drawn: ${failure.message}`;
      console.error(failure);
    }
  }

  async function drawReport() {
    if (drawn.has("report")) return;
    drawn.add("report");
    for (const element of document.querySelectorAll(".report .chart[data-chart]")) {
      const chart = report.charts[element.dataset.chart];
      await draw(element, chart.spec, chart.rows, chart.before);
    }
  }

  async function drawCall(section, id) {
    if (drawn.has(id)) return;
    drawn.add(id);
    for (const element of section.querySelectorAll(".chart[data-chart]")) {
      const rows = report.calls[id][element.dataset.chart];
      const seconds = Math.max(...rows.map((row) => row.to ?? 0));
      const room = seconds * PIXELS_PER_SECOND;
      if (room > element.parentElement.clientWidth) element.style.width = `${Math.ceil(room)}px`;
      await draw(element, report.callSpecs[element.dataset.chart], rows);
    }
  }

  async function route() {
    const shown = await show();
    document.documentElement.dataset.drawn = shown;
  }

  async function show() {
    const [, id, turn] = /^#call-([^/]+)(?:\/(\d+))?$/.exec(location.hash) ?? [];
    const isKnown = id !== undefined && Object.hasOwn(report.calls, id);
    const section = isKnown ? document.getElementById(`call-${id}`) : null;
    const before = document.body.dataset.page;
    if (before === "report" && section) place = window.scrollY;
    document.body.dataset.page = section ? "call" : "report";
    let left = null;
    for (const other of document.querySelectorAll(".call.shown")) {
      if (other !== section) other.classList.remove("shown");
      else left = other;
    }
    if (!section) {
      await drawReport();
      // What was hidden when the window changed its size has none.
      window.dispatchEvent(new Event("resize"));
      if (before === "call") window.scrollTo(0, place);
      return "report";
    }
    section.classList.add("shown");
    if (!left) window.scrollTo(0, 0);
    await drawCall(section, id);
    window.dispatchEvent(new Event("resize"));
    for (const other of section.querySelectorAll(".marked")) other.classList.remove("marked");
    const said = turn === undefined ? null : section.querySelector(`[data-turn="${turn}"]`);
    if (said) {
      said.classList.add("marked");
      said.scrollIntoView({ block: "center" });
    }
    return id;
  }

  document.documentElement.classList.add("js");
  window.addEventListener("hashchange", route);
  route();
})();
