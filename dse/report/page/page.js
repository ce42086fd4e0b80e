"use strict";
// The page: budgets, brushes and pictures of one result.

const STEPS = 1000, ROWS_SHOWN = 200, MOST_UPRIGHTS = 12;
const element = (name, text = "", attributes = {}) => {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
const byId = (id) => document.getElementById(id);

class Page {
  constructor(data, columns) {
    this.data = data;
    this.columns = columns;
    this.size = data.size;
    const of = (name) => columns.find((c) => c.name === name);
    this.of = of;
    this.limits = data.limits.map((limit) => ({ ...limit, column: of(limit.column), active: limit.given }));
    this.mcu = of("held_to_mcu").values;
    this.objectives = data.objectives.map((o) => ({ ...o, column: of(o.metric) }));
    this.groups = this.groupNumbers(data.per.map(of));
    this.prepared = prepareFrontier(this.objectives, this.groups, this.size);
    this.feasible = new Uint8Array(this.size);
    this.onFrontier = new Uint8Array(this.size);
    this.selected = new Uint8Array(this.size).fill(1);
    this.frontier = [];
    this.hovered = -1;
    // How often pictures and table were made anew: pointing at designs makes none.
    this.made = { pictures: 0, tables: 0 };
    this.boxed = null; this.brushed = new Map(); this.sorting = [this.objectives[0].column, 1];
    this.shownColumns = columns.filter((c) => c.shown);
    const several = this.shownColumns.filter((c) => c.high > c.low);
    this.scatter = new Scatter(byId("scatter"), byId("scatter-over"), this);
    this.parallel = new Parallel(byId("parallel"), byId("parallel-over"), this, this.uprights(several.length ? several : this.shownColumns));
    this.makeControls(several);
    this.defined = this.definedRows();
    this.update();
    this.fillTable();
    let waiting = 0;
    window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => this.draw(), 100); });
  }
  // Of too many columns those stand side by side that the spec asks about, then choices by name, choices by number and
  // other metrics, and at last what the network's name tells; the page says which are left out.
  uprights(columns) {
    const most = Math.max(4, Math.min(MOST_UPRIGHTS, Math.floor(byId("parallel").parentElement.clientWidth / 80)));
    const asked = new Set([...this.objectives.map((o) => o.column), ...this.limits.filter((l) => l.given && !l.fit).map((l) => l.column), ...this.data.per.map(this.of)]);
    const choices = new Set(this.data.choices), told = new Set(this.data.told);
    const rank = (c) => (asked.has(c) ? 0 : told.has(c.name) ? 4 : !choices.has(c.name) ? 3 : c.text ? 1 : 2);
    const ranked = [...columns].sort((a, b) => rank(a) - rank(b)).slice(0, most);
    const left = columns.filter((c) => !ranked.includes(c)).map((c) => c.title);
    byId("left").textContent = left.length ? `Side by side: ${ranked.length} of ${columns.length} columns; in the table and the file only: ${left.join(", ")}.` : "";
    return columns.filter((c) => ranked.includes(c));
  }
  // The edge of each group's frontier by the two columns that are drawn, where both are objectives.
  staircases(x, y) {
    const directions = [x, y].map((c) => (this.objectives.find((o) => o.column === c) || {}).direction);
    if (x === y || directions.some((d) => !d)) return [];
    const [sx, sy] = directions.map((d) => (d === "max" ? -1 : 1)), found = new Map();
    for (const row of [...this.frontier].sort((a, b) => sx * (x.values[a] - x.values[b]) || sy * (y.values[a] - y.values[b]))) {
      const rows = found.get(this.groups[row]) || [];
      if (!rows.length || sy * y.values[row] < sy * y.values[rows[rows.length - 1]]) rows.push(row);
      found.set(this.groups[row], rows);
    }
    return [...found.values()];
  }
  groupNumbers(columns) {
    const numbers = new Map();
    return Float64Array.from({ length: this.size }, (_, row) => {
      const key = columns.map((c) => c.values[row]).join("|");
      if (!numbers.has(key)) numbers.set(key, numbers.size);
      return numbers.get(key);
    });
  }
  definedRows() {
    const defined = new Uint8Array(this.size).fill(1);
    const needed = [...this.objectives.map((o) => [o.column, null]), ...this.limits.filter((l) => l.given && !l.fit).map((l) => [l.column, l])];
    for (const [column, limit] of needed) for (let row = 0; row < this.size; row += 1) if (Number.isNaN(column.values[row]) && (!limit || this.applies(limit, row))) defined[row] = 0;
    return defined;
  }
  applies(limit, row) {
    if (limit.fit) return this.mcu[row] === (limit.fit === "mcu" ? 1 : 0);
    return !limit.network || this.of("network").labels[this.of("network").values[row]] === limit.network;
  }
  makeControls(several) {
    const fits = this.limits.filter((l) => l.fit);
    if (fits.length) this.addCheck("fit", "must fit the device", (on) => fits.forEach((l) => { l.active = on; }));
    for (const limit of this.limits.filter((l) => !l.fit && l.column.high > l.column.low)) this.addSlider(limit);
    const options = several.length ? several : this.shownColumns;
    for (const id of ["x", "y", "colour"]) {
      const select = byId(id);
      if (id === "colour") select.append(element("option", "the frontier", { value: "" }));
      for (const c of options) select.append(element("option", c.title, { value: c.name }));
      select.addEventListener("change", () => { if (id !== "colour") this.clearBox(); this.draw(); });
    }
    byId("x").value = (options.find((c) => c.name === this.data.axes.x) || options[0]).name;
    byId("y").value = (options.find((c) => c.name === this.data.axes.y) || options[options.length - 1]).name;
    byId("colour").value = this.data.per.find((n) => options.some((c) => c.name === n)) || "";
    byId("reset").addEventListener("click", () => this.reset());
    byId("csv").addEventListener("click", () => this.download());
    byId("only-frontier").addEventListener("change", () => this.fillTable());
  }
  addCheck(id, text, change) {
    const label = element("label", "", { class: "check" }), box = element("input", "", { type: "checkbox", id });
    box.checked = true;
    box.addEventListener("change", () => { change(box.checked); this.update(); });
    label.append(box, ` ${text}`);
    byId("limits").append(label);
  }
  addSlider(limit) {
    const { column, side } = limit, row = element("div", "", { class: "limit" });
    const name = element("label", `${column.title} ${side === "max" ? "≤" : "≥"} `, { for: `limit-${column.name}-${side}` });
    const value = element("output"), slider = element("input", "", { type: "range", min: 0, max: STEPS, step: 1, id: `limit-${column.name}-${side}` });
    const open = side === "max" ? STEPS : 0;
    limit.show = () => {
      slider.value = limit.active ? Math.round(STEPS * Math.min(1, Math.max(0, place(column, limit.value)))) : open;
      value.textContent = limit.active ? quantity(limit.value, column.unit) : "no limit";
      row.classList.toggle("off", !limit.active);
    };
    slider.addEventListener("input", () => {
      limit.active = Number(slider.value) !== open;
      limit.value = unplace(column, slider.value / STEPS);
      value.textContent = limit.active ? quantity(limit.value, column.unit) : "no limit";
      row.classList.toggle("off", !limit.active);
      this.later();
    });
    name.append(value);
    row.append(name, slider);
    byId("limits").append(row);
    limit.show();
  }
  later() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => { this.pending = false; this.update(); });
  }
  reset() {
    this.data.limits.forEach((given, i) => { Object.assign(this.limits[i], { active: given.given, value: given.value }); if (this.limits[i].show) this.limits[i].show(); });
    if (byId("fit")) byId("fit").checked = true;
    this.parallel.brushes.clear(); this.brushed.clear(); this.clearBox();
    this.update();
  }
  clearBox() { this.scatter.box = null; this.boxed = null; this.select(); }
  update() {
    this.feasible.set(this.defined);
    for (const limit of this.limits) {
      if (!limit.active) continue;
      const { values } = limit.column, above = limit.side === "max";
      for (let row = 0; row < this.size; row += 1) if (this.feasible[row] && (above ? values[row] > limit.value : values[row] < limit.value) && this.applies(limit, row)) this.feasible[row] = 0;
      if (!limit.given) for (let row = 0; row < this.size; row += 1) if (Number.isNaN(values[row])) this.feasible[row] = 0;
    }
    this.frontier = frontierOf(this.prepared, this.feasible);
    this.onFrontier.fill(0);
    for (const row of this.frontier) this.onFrontier[row] = 1;
    this.refresh();
  }
  brushBox(ranges) { this.boxed = ranges; this.refreshLater(); }
  brushAxes(brushes) { this.brushed = brushes; this.refreshLater(); }
  select() {
    const ranges = [...this.brushed, ...(this.boxed || [])];
    this.selected.fill(1);
    for (const [{ values }, [low, high]] of ranges) {
      const least = low * (1 - 1e-12) - 1e-300, most = high * (1 + 1e-12);
      for (let row = 0; row < this.size; row += 1) if (!(values[row] >= least && values[row] <= most)) this.selected[row] = 0;
    }
  }
  refreshLater() {
    if (this.redrawing) return;
    this.redrawing = true;
    requestAnimationFrame(() => { this.redrawing = false; this.select(); this.refresh(); });
  }
  refresh() { this.count(); this.draw(); this.fillTableLater(); }
  // The table follows when a slider or a brush rests.
  fillTableLater() { clearTimeout(this.waiting); this.waiting = setTimeout(() => this.fillTable(), 150); }
  count() {
    let feasible = 0;
    for (const flag of this.feasible) feasible += flag;
    const chosen = this.frontier.filter((row) => this.selected[row]).length;
    const brushed = this.brushed.size || this.boxed ? `, ${chosen.toLocaleString("en-US")} of them selected` : "";
    byId("count").textContent = `${this.frontier.length.toLocaleString("en-US")} on the frontier${this.data.search ? " that the search found" : ""}${brushed}; ${feasible.toLocaleString("en-US")} of ${this.size.toLocaleString("en-US")} designs meet the budgets`;
    Object.assign(byId("count").dataset, { frontier: this.frontier.length, selected: chosen, feasible });
  }
  draw() { this.made.pictures += 1; this.scatter.draw(this.of(byId("x").value), this.of(byId("y").value)); this.parallel.draw(); this.legend(); }
  colour(row) {
    const column = this.of(byId("colour").value);
    if (!column) return FRONTIER;
    const value = column.values[row];
    if (column.text) return PALETTE[value % PALETTE.length];
    return VIRIDIS[Math.min(VIRIDIS.length - 1, Math.floor(place(column, value) * VIRIDIS.length))] || FAINT;
  }
  legend() {
    const column = this.of(byId("colour").value), found = byId("legend");
    found.replaceChildren();
    const entry = (colour, text) => { const item = element("span", text), dot = element("i"); dot.style.background = colour; item.prepend(dot); found.append(item); };
    if (!column) entry(FRONTIER, "frontier");
    else if (column.text) [...new Set(this.frontier.map((row) => column.values[row]))].sort((a, b) => a - b).slice(0, 16).forEach((v) => entry(PALETTE[v % PALETTE.length], column.labels[v]));
    else { entry(VIRIDIS[0], quantity(column.low, column.unit, 3)); entry(VIRIDIS[VIRIDIS.length - 1], quantity(column.high, column.unit, 3)); }
    entry(FEASIBLE, "feasible"); entry(FAINT, "excluded");
  }
  mark(row) {
    if (row === this.hovered) return;
    this.hovered = row;
    this.scatter.mark();
    this.parallel.mark();
  }
  hover(row, left = 0, top = 0) {
    const tip = byId("tip");
    tip.hidden = row < 0;
    if (row >= 0) {
      if (row !== this.hovered) tip.replaceChildren(...this.shownColumns.map((c) => { const item = element("div", `${c.title}: `); item.append(element("b", shown(c, row))); return item; }));
      tip.style.left = `${Math.min(left + 16, window.innerWidth - 290)}px`;
      tip.style.top = `${Math.max(4, Math.min(top + 12, window.innerHeight - tip.offsetHeight - 8))}px`;
    }
    this.mark(row);
  }
  tableRows() {
    const rows = byId("only-frontier").checked ? this.frontier : Array.from(this.feasible.keys()).filter((row) => this.feasible[row]);
    const [column, sign] = this.sorting;
    return rows.filter((row) => this.selected[row]).sort((a, b) => sign * (column.values[a] - column.values[b]) || a - b);
  }
  fillTable() {
    clearTimeout(this.waiting);
    this.made.tables += 1;
    const rows = this.tableRows(), head = element("tr"), body = document.createDocumentFragment();
    for (const c of this.shownColumns) {
      const cell = element("th", c.title + (this.sorting[0] === c ? (this.sorting[1] > 0 ? " ▲" : " ▼") : ""), { title: c.label, class: c.text ? "" : "number" });
      cell.addEventListener("click", () => { this.sorting = [c, this.sorting[0] === c ? -this.sorting[1] : 1]; this.fillTable(); });
      head.append(cell);
    }
    for (const row of rows.slice(0, ROWS_SHOWN)) {
      const tr = element("tr");
      for (const c of this.shownColumns) tr.append(element("td", shown(c, row), c.text ? {} : { class: "number" }));
      tr.addEventListener("pointerenter", () => this.mark(row));
      body.append(tr);
    }
    byId("table").replaceChildren(head, body);
    byId("rows").textContent = rows.length > ROWS_SHOWN ? `first ${ROWS_SHOWN} of ${rows.length.toLocaleString("en-US")} rows; the file has all` : `${rows.length} rows`;
  }
  csv() {
    const quote = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const head = this.shownColumns.map((c) => quote(c.name));
    const lines = this.tableRows().map((row) => this.shownColumns.map((c) => quote(c.text ? c.labels[c.values[row]] : Number.isNaN(c.values[row]) ? "" : String(c.values[row]))));
    return [head, ...lines].map((cells) => cells.join(",")).join("\n") + "\n";
  }
  download() {
    const link = element("a", "", { download: `${this.data.name}.csv` });
    link.href = URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" }));
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

(async () => {
  try {
    const data = JSON.parse(byId("data").textContent);
    const columns = await Promise.all(data.columns.map((column) => readColumn(column, data.size)));
    window.page = new Page(data, columns);
    document.body.dataset.ready = "1";
  } catch (error) {
    byId("count").textContent = `This page could not be shown: ${error.message}`;
    throw error;
  }
})();
