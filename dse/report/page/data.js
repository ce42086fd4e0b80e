"use strict";
// Columns of designs, as the page holds them, and numbers as people read them.

async function inflate(text) {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// A column gives a number for each row: of texts the place among its labels.
async function readColumn(given, size) {
  const column = { ...given, text: given.labels !== undefined };
  const codes = given.codes && new (given.wide ? Uint16Array : Uint8Array)(await inflate(given.codes));
  if (column.text) {
    column.values = Float64Array.from(codes);
  } else if (codes) {
    const table = new Float64Array(await inflate(given.table));
    column.values = Float64Array.from(codes, (code) => table[code]);
  } else {
    column.values = new Float64Array(await inflate(given.values));
  }
  if (column.values.length !== size) throw new Error(`${given.name}: ${column.values.length} values of ${size}`);
  let low = Infinity, high = -Infinity;
  for (const v of column.values) if (Number.isFinite(v)) { if (v < low) low = v; if (v > high) high = v; }
  column.low = low; column.high = high;
  column.log = !column.text && low > 0 && high / low > 10 && !["%", "dB"].includes(given.unit);
  return column;
}

const SI = [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3], ["", 1], ["m", 1e-3], ["µ", 1e-6], ["n", 1e-9], ["p", 1e-12]];
const DURATIONS = [["years", 365.25 * 86400], ["days", 86400], ["h", 3600], ["min", 60]];
const BINARY = [["Ti", 2 ** 40], ["Gi", 2 ** 30], ["Mi", 2 ** 20], ["Ki", 2 ** 10], ["", 1]];

// A number with its thousands apart, however it came about.
function digits(value, places) {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(Math.max(places - 2, 0));
  return Number(value.toPrecision(places)).toLocaleString("en-US", { maximumSignificantDigits: 15 });
}

function quantity(value, unit, places = 4) {
  if (!Number.isFinite(value)) return "–";
  const long = unit === "s" && DURATIONS.find(([, f]) => Math.abs(value) >= 2 * f);
  if (long) return `${digits(value / long[1], places)} ${long[0]}`;
  const [head, ...rest] = unit.split("/");
  const intensity = unit === "FLOP/B" || unit === "OP/B";
  if (["B", "s", "J", "W", "Hz", "FLOP", "OP", "MAC"].includes(head) && !intensity && value !== 0) {
    const table = unit === "B" ? BINARY : SI;
    const [prefix, factor] = table.find(([, f]) => Math.abs(value) >= f * 0.99995) || table[table.length - 1];
    return `${digits(value / factor, places)} ${prefix}${[head, ...rest].join("/")}`;
  }
  // Whole numbers that a slider gives need no more digits than people read.
  const whole = Math.abs(value) >= 1e4 && !Number.isInteger(value) ? Number(value.toPrecision(places)) : value;
  return digits(whole, places) + (unit === "1" ? "" : ` ${unit}`);
}

// On an axis large counts are told in words, as in the plots.
const COUNTS = [[" trillion", 1e12], [" billion", 1e9], [" million", 1e6]];
function briefly(value, unit) {
  const [word, factor] = (unit === "1" && COUNTS.find(([, f]) => Math.abs(value) >= f)) || ["", 1];
  return quantity(value / factor, unit, 3) + word;
}

function shown(column, row, places = 4) {
  const value = column.values[row];
  return column.text ? column.labels[value] : quantity(value, column.unit, places);
}

// Where a value stands between the ends of its column, 0 to 1.
function place(column, value) {
  if (column.high === column.low) return 0.5;
  if (column.log) return Math.log(value / column.low) / Math.log(column.high / column.low);
  return (value - column.low) / (column.high - column.low);
}

// That of each row: computed once for a column.
function placesOf(column) {
  column.places ||= Float64Array.from(column.values, (value) => place(column, value));
  return column.places;
}

function unplace(column, share) {
  if (column.log) return column.low * (column.high / column.low) ** share;
  return column.low + share * (column.high - column.low);
}
