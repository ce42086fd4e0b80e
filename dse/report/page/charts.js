"use strict";
// Two linked pictures on canvas: designs over two columns, and parallel coordinates.

const INK = "#222", FAINT = "#c9ccd1", FEASIBLE = "#8fbfe0", FRONTIER = "#d55e00", GRID = "#e8e8e8", BEYOND = "#f1f1f1";
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31"];
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
// Lines that are drawn of designs that are not on the frontier, and lines a frame.
const MOST_LINES = 3000, LINES_A_FRAME = 1000;
// Values of a column that are ticked each.
const MOST_TICKED = 8;

function prepareCanvas(canvas, height) {
  const width = canvas.parentElement.clientWidth, ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  return [context, width, height];
}

function ticksOf(column, wanted) {
  if (column.text) return column.labels.map((label, i) => [i, label]).filter((_, i, all) => i % Math.ceil(all.length / 16) === 0);
  if (!(column.high > column.low)) return [[column.low, quantity(column.low, column.unit, 3)]];
  const few = fewOf(column);
  if (few) return few;
  let values = [];
  if (column.log) {
    const base = column.unit === "B" ? 2 : 10, first = Math.ceil(Math.log(column.low) / Math.log(base) - 1e-9);
    for (let n = first; base ** n <= column.high * (1 + 1e-9); n += 1) values.push(base ** n);
    values = values.filter((_, i) => i % Math.max(1, Math.ceil(values.length / wanted)) === 0);
  }
  if (values.length < 2) {
    // Of bytes the steps are round in the unit that they are written in.
    const [, factor] = (column.unit === "B" && BINARY.find(([, f]) => Math.abs(column.high) >= f)) || ["", 1];
    const rough = (column.high - column.low) / wanted / factor, power = 10 ** Math.floor(Math.log10(rough));
    const step = factor * power * [1, 2, 2.5, 5, 10].find((m) => m * power >= rough);
    values = [];
    for (let v = Math.ceil(column.low / step) * step; v <= column.high; v += step) values.push(Number(v.toPrecision(12)));
  }
  return values.map((v) => [v, briefly(v, column.unit)]);
}

// Ticks of a column of few values are these, where as many digits as ticks have tell them apart; null of another one.
function fewOf(column) {
  if (column.few === undefined) {
    const values = new Set();
    for (const v of column.values) if (Number.isFinite(v) && values.add(v).size > MOST_TICKED) break;
    const ticks = [...values].sort((a, b) => a - b).map((v) => [v, briefly(v, column.unit)]);
    const apart = new Set(ticks.map(([, label]) => label)).size === ticks.length;
    column.few = ticks.length <= MOST_TICKED && apart ? ticks : null;
  }
  return column.few;
}

// The outermost designs stand a little off the axes: shares of a column as shares of the picture, and back.
const MARGIN = 0.04;
const inset = (share) => MARGIN + share * (1 - 2 * MARGIN);
const outset = (share) => (share - MARGIN) / (1 - 2 * MARGIN);

// Marks that would lie on one that is there already, to the pixel, are not drawn again.
class Pixels {
  constructor(width, height) { this.width = Math.ceil(width); this.taken = new Uint8Array(this.width * Math.ceil(height)); }
  take(x, y) {
    const at = Math.round(y) * this.width + Math.round(x), free = !this.taken[at];
    this.taken[at] = 1;
    return free;
  }
}

class Scatter {
  constructor(canvas, over, page) {
    Object.assign(this, { canvas, over, page });
    this.box = null;
    let start = null;
    canvas.addEventListener("pointerdown", (event) => { start = this.point(event); canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      const here = this.point(event);
      if (!start) { this.hover(event, here); return; }
      this.box = [start, here];
      page.brushBox(this.ranges());
    });
    canvas.addEventListener("pointerup", (event) => {
      const here = this.point(event);
      if (start && Math.hypot(here[0] - start[0], here[1] - start[1]) < 4) { this.box = null; page.brushBox(null); }
      start = null;
    });
    canvas.addEventListener("pointerleave", () => page.hover(-1));
  }
  point(event) { const r = this.canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; }
  at(row) {
    const { left, top, width, height } = this.area;
    return [left + inset(placesOf(this.x)[row]) * width, top + (1 - inset(placesOf(this.y)[row])) * height];
  }
  // What lies beyond the limits on the two columns that are drawn, and the limits themselves.
  budgets(context, x, y, area) {
    for (const limit of this.page.limits) {
      const across = limit.column === x, share = inset(place(limit.column, limit.value));
      if (!limit.active || limit.fit || (!across && limit.column !== y) || !(share >= 0 && share <= 1)) continue;
      const at = across ? area.left + share * area.width : area.top + (1 - share) * area.height;
      const high = (limit.side === "max") === across;
      context.fillStyle = BEYOND;
      if (across) context.fillRect(high ? at : area.left, area.top, high ? area.left + area.width - at : at - area.left, area.height);
      else context.fillRect(area.left, high ? at : area.top, area.width, high ? area.top + area.height - at : at - area.top);
      context.strokeStyle = INK; context.setLineDash([6, 3]);
      if (across) line(context, at, area.top, at, area.top + area.height); else line(context, area.left, at, area.left + area.width, at);
      context.setLineDash([]); context.strokeStyle = GRID; context.fillStyle = INK;
      const text = `${limit.column.title} ${limit.side === "max" ? "≤" : "≥"} ${quantity(limit.value, limit.column.unit)}`;
      // Above the picture or beside its right edge no design is.
      context.textAlign = "right";
      context.fillText(text, across ? Math.max(at, area.left + context.measureText(text).width) : area.left + area.width, across ? area.top - 4 : at - 4);
    }
  }
  stairs(context, rows) {
    context.strokeStyle = this.page.colour(rows[0]); context.lineWidth = 1.2; context.globalAlpha = 0.7; context.beginPath();
    let last = null;
    for (const row of rows) {
      const [px, py] = this.at(row);
      if (last === null) context.moveTo(px, py); else { context.lineTo(px, last); context.lineTo(px, py); }
      last = py;
    }
    context.stroke(); context.lineWidth = 1; context.globalAlpha = 1;
  }
  ranges() {
    const { left, top, width, height } = this.area, [[x0, y0], [x1, y1]] = this.box;
    const share = (a, from, size) => Math.min(1, Math.max(0, (a - from) / size));
    const pair = (column, a, b) => [unplace(column, outset(Math.min(a, b))), unplace(column, outset(Math.max(a, b)))];
    return [[this.x, pair(this.x, share(x0, left, width), share(x1, left, width))],
            [this.y, pair(this.y, 1 - share(y0, top, height), 1 - share(y1, top, height))]];
  }
  hover(event, [px, py]) {
    const { feasible, onFrontier, size } = this.page, page = this.page, { left, top, width, height } = this.area;
    const across = placesOf(this.x), up = placesOf(this.y);
    let best = -1, nearest = 14 * 14;
    for (let row = 0; row < size; row += 1) {
      if (!feasible[row] && !onFrontier[row]) continue;
      const x = left + inset(across[row]) * width - px, y = top + (1 - inset(up[row])) * height - py;
      const distance = x * x + y * y - (onFrontier[row] ? 9 : 0);
      if (distance < nearest) { nearest = distance; best = row; }
    }
    page.hover(best, event.clientX, event.clientY);
  }
  draw(x, y) {
    this.x = x; this.y = y;
    const [context, width, height] = prepareCanvas(this.canvas, 430), page = this.page;
    const left = Math.max(78, 30 + Math.max(0, ...ticksOf(y, 6).map(([, label]) => context.measureText(label).width)));
    const area = this.area = { left, top: 20, width: width - 18 - left, height: height - 70 };
    context.strokeStyle = GRID; context.fillStyle = INK;
    let taken = -Infinity;
    for (const [value, label] of ticksOf(x, 7)) {
      const at = area.left + inset(place(x, value)) * area.width, half = context.measureText(label).width / 2;
      line(context, at, area.top, at, area.top + area.height);
      // No label stands on another.
      if (at - half < taken + 4) continue;
      taken = at + half;
      context.textAlign = "center"; context.fillText(label, at, area.top + area.height + 17);
    }
    taken = Infinity;
    for (const [value, label] of ticksOf(y, 6)) {
      const at = area.top + (1 - inset(place(y, value))) * area.height;
      line(context, area.left, at, area.left + area.width, at);
      if (at > taken - 12) continue;
      taken = at;
      context.textAlign = "right"; context.fillText(label, area.left - 6, at + 4);
    }
    context.textAlign = "center";
    context.fillText(x.label, area.left + area.width / 2, height - 12);
    context.save(); context.translate(13, area.top + area.height / 2); context.rotate(-Math.PI / 2); context.fillText(y.label, 0, 0); context.restore();
    this.budgets(context, x, y, area);
    const passes = [[FAINT, 2, (r) => !page.feasible[r]], [FEASIBLE, 3, (r) => page.feasible[r] && !page.onFrontier[r]]];
    for (const [colour, size, wanted] of passes) {
      context.fillStyle = colour;
      const pixels = new Pixels(width, height);
      for (let row = 0; row < page.size; row += 1) {
        if (!wanted(row) || !page.selected[row]) continue;
        const [px, py] = this.at(row);
        if (pixels.take(px, py)) context.fillRect(px - size / 2, py - size / 2, size, size);
      }
    }
    for (const corners of page.staircases(x, y)) this.stairs(context, corners);
    const pixels = [new Pixels(width, height), new Pixels(width, height)];
    for (const row of page.frontier) {
      const [px, py] = this.at(row);
      if (!pixels[page.selected[row]].take(px, py)) continue;
      context.globalAlpha = page.selected[row] ? 1 : 0.15;
      context.fillStyle = page.colour(row);
      context.beginPath(); context.arc(px, py, 4, 0, 7); context.fill();
      context.strokeStyle = "#fff"; context.lineWidth = 0.7; context.stroke();
    }
    context.globalAlpha = 1; context.lineWidth = 1;
    this.mark();
    if (this.box) { const [[a, b], [c, d]] = this.box; context.strokeStyle = INK; context.setLineDash([4, 3]); context.strokeRect(a, b, c - a, d - b); context.setLineDash([]); }
  }
  // The design under the pointer, on a canvas of its own: pointing draws nothing else.
  mark() {
    const [context] = prepareCanvas(this.over, 430);
    if (this.page.hovered >= 0) ring(context, this.at(this.page.hovered));
  }
}

function line(context, x0, y0, x1, y1) { context.beginPath(); context.moveTo(x0, y0); context.lineTo(x1, y1); context.stroke(); }
function ring(context, [x, y]) { context.strokeStyle = INK; context.lineWidth = 2; context.beginPath(); context.arc(x, y, 7, 0, 7); context.stroke(); context.lineWidth = 1; }

class Parallel {
  constructor(canvas, over, page, columns) {
    Object.assign(this, { canvas, over, page, columns, brushes: new Map(), job: 0 });
    let axis = null, start = 0;
    canvas.addEventListener("pointerdown", (event) => {
      const [px, py] = this.point(event);
      axis = this.nearest(px); start = py; canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const [, py] = this.point(event);
      if (!axis || Math.abs(py - start) < 4) return;
      const share = (y) => Math.min(1, Math.max(0, 1 - (y - this.top) / this.inner)), ends = [share(start), share(py)].sort((a, b) => a - b);
      this.brushes.set(axis, [unplace(axis, ends[0]), unplace(axis, ends[1])]);
      page.brushAxes(this.brushes);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (axis && Math.abs(this.point(event)[1] - start) < 4) { this.brushes.delete(axis); page.brushAxes(this.brushes); }
      axis = null;
    });
  }
  point(event) { const r = this.canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; }
  nearest(px) { return this.columns.reduce((best, c) => (Math.abs(this.x(c) - px) < Math.abs(this.x(best) - px) ? c : best)); }
  x(column) { const n = this.columns.length; return 40 + (this.columns.indexOf(column) * (this.width - 120)) / Math.max(n - 1, 1); }
  y(column, value) { return this.top + (1 - place(column, value)) * this.inner; }
  draw() {
    const [context, width, height] = prepareCanvas(this.canvas, 320), page = this.page;
    Object.assign(this, { width, top: 48, inner: height - 66 });
    const others = [];
    const step = Math.max(1, Math.ceil(page.size / (4 * MOST_LINES)));
    for (let row = 0; row < page.size && others.length < MOST_LINES; row += step) if (page.feasible[row] && !page.onFrontier[row] && page.selected[row]) others.push(row);
    const strong = page.frontier.filter((row) => page.selected[row]), faint = page.frontier.filter((row) => !page.selected[row]);
    const lines = [...others.map((r) => [r, FEASIBLE, 0.25]), ...faint.map((r) => [r, FAINT, 0.25]), ...strong.map((r) => [r, page.colour(r), strong.length > 400 ? 0.35 : 0.8])];
    this.axes(context);
    this.mark();
    const job = (this.job += 1), part = (start) => {
      if (job !== this.job) return;
      for (const [row, colour, alpha] of lines.slice(start, start + LINES_A_FRAME)) this.line(context, row, colour, alpha);
      context.globalAlpha = 1;
      if (start + LINES_A_FRAME < lines.length) requestAnimationFrame(() => part(start + LINES_A_FRAME));
      else this.axes(context);
    };
    part(0);
  }
  mark() {
    const [context] = prepareCanvas(this.over, 320);
    if (this.page.hovered >= 0) { context.lineWidth = 3; this.line(context, this.page.hovered, INK, 1); }
  }
  line(context, row, colour, alpha) {
    context.strokeStyle = colour; context.globalAlpha = alpha; context.beginPath();
    let drawing = false;
    for (const column of this.columns) {
      const value = column.values[row];
      if (!Number.isFinite(value)) { drawing = false; continue; }
      const across = this.x(column), down = this.top + (1 - placesOf(column)[row]) * this.inner;
      if (drawing) context.lineTo(across, down); else context.moveTo(across, down);
      drawing = true;
    }
    context.stroke(); context.globalAlpha = 1;
  }
  axes(context) {
    const room = (this.width - 120) / Math.max(this.columns.length - 1, 1);
    context.font = "600 12px system-ui, sans-serif";
    const titles = fitted(context, this.columns.map((column) => column.title), 1.9 * room);
    this.columns.forEach((column, number) => {
      const at = this.x(column);
      context.strokeStyle = "#777"; context.fillStyle = INK; context.textAlign = "center";
      line(context, at, this.top, at, this.top + this.inner);
      context.font = "600 12px system-ui, sans-serif";
      context.fillText(titles[number], at, number % 2 ? 30 : 13);
      context.font = "11px system-ui, sans-serif"; context.textAlign = "left";
      let last = Infinity;
      const ticks = ticksOf(column, 5).sort((a, b) => a[0] - b[0]), labels = ticks.map(([, label]) => label);
      // A number that is cut is another number.
      const texts = column.text ? fitted(context, labels, room - 8) : labels;
      for (const [nth, [value]] of ticks.entries()) {
        const y = this.y(column, value) + 4, text = texts[nth];
        // A label stands on a white plate between its axis and the next, and none on another.
        if (last - y < 12) continue;
        last = y;
        context.fillStyle = "#ffffffd9"; context.fillRect(at + 3, y - 10, context.measureText(text).width + 4, 13);
        context.fillStyle = INK; context.fillText(text, at + 5, y);
      }
      const brush = this.brushes.get(column);
      if (brush) { const [a, b] = brush.map((v) => this.y(column, v)); context.fillStyle = "#0072b255"; context.strokeStyle = "#0072b2"; context.fillRect(at - 7, b, 14, a - b); context.strokeRect(at - 7, b, 14, a - b); }
    });
  }
}
