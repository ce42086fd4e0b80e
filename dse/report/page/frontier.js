"use strict";
// The exact frontier of the designs that are left: the same rule as in the program, at 12 significant digits.

const DIGITS = 12;

// Objectives as costs, and the order of all rows by them: both are needed once, whatever the budgets.
function prepareFrontier(objectives, groups, size) {
  const costs = objectives.map(({ column, direction }) => {
    const sign = direction === "max" ? -1 : 1;
    const known = new Map();
    return Float64Array.from(column.values, (v) => {
      let cost = known.get(v);
      // Undefined designs are never feasible; their costs only have to have an order.
      if (cost === undefined) known.set(v, (cost = Number.isNaN(v) ? Infinity : sign * Number(v.toPrecision(DIGITS))));
      return cost;
    });
  });
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  const keys = [groups, ...costs];
  order.sort((a, b) => {
    for (const key of keys) { if (key[a] !== key[b]) return key[a] < key[b] ? -1 : 1; }
    return a - b;
  });
  return { costs, order, groups };
}

function same(costs, a, b) {
  for (const cost of costs) if (cost[a] !== cost[b]) return false;
  return true;
}

function frontierOf({ costs, order, groups }, feasible) {
  const found = [];
  let group = -1, last = -1, seen = null;
  for (const row of order) {
    if (!feasible[row]) continue;
    if (groups[row] !== group || last < 0) {
      group = groups[row];
      seen = costs.length === 3 ? new Staircase() : new Archive();
    } else if (same(costs, row, last)) {
      found.push(row);
      continue;
    }
    if (seen.dominates(costs, row)) continue;
    seen.add(costs, row);
    found.push(row);
    last = row;
  }
  return found;
}

// Of three objectives the first follows from the order: the best third one is kept for each second one.
class Staircase {
  constructor() { this.second = []; this.third = []; }
  find(value) {
    let low = 0, high = this.second.length;
    while (low < high) { const middle = (low + high) >> 1; if (this.second[middle] <= value) low = middle + 1; else high = middle; }
    return low;
  }
  dominates(costs, row) {
    const at = this.find(costs[1][row]);
    return at > 0 && this.third[at - 1] <= costs[2][row];
  }
  add(costs, row) {
    const y = costs[1][row], z = costs[2][row];
    let start = this.find(y);
    if (start > 0 && this.second[start - 1] === y) start -= 1;
    let stop = start;
    while (stop < this.second.length && this.third[stop] >= z) stop += 1;
    this.second.splice(start, stop - start, y);
    this.third.splice(start, stop - start, z);
  }
}

class Archive {
  constructor() { this.rows = []; }
  dominates(costs, row) {
    return this.rows.some((other) => costs.every((c) => c[other] <= c[row]));
  }
  add(costs, row) {
    // Of two objectives the latest one found is the best by the second.
    this.rows = costs.length <= 2 ? [row] : (this.rows.push(row), this.rows);
  }
}
