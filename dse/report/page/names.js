"use strict";
// Names in the room that there is for them: shortened in the middle, as in the plots, and told apart.

// Every way to shorten texts to so many letters: the ellipsis in the middle, then nearer and nearer to either end, then
// whatever stands from some letter on after the beginning.
function* shortenings(texts, letters) {
  const cut = (how) => texts.map((text) => (text.length <= letters ? text : how(text))), kept = letters - 1;
  const heads = Array.from({ length: kept + 1 }, (_, head) => head).sort((a, b) => Math.abs(2 * a - kept) - Math.abs(2 * b - kept));
  for (const head of heads) yield cut((text) => `${text.slice(0, head)}…${text.slice(text.length - (kept - head))}`);
  const head = Math.max(Math.min(Math.floor(letters / 2), letters - 4), 0), rest = Math.max(letters - 2 - head, 1);
  const longest = Math.max(...texts.map((text) => text.length));
  for (let start = head; start < longest; start += 1) {
    yield cut((text) => `${text.slice(0, head)}…${text.slice(start, start + rest)}${start + rest < text.length ? "…" : ""}`);
  }
}

// Texts of at most so many letters, different ones different: by their number where nothing else tells them apart.
function shortened(texts, letters) {
  const apart = (found) => new Set(found).size === new Set(texts).size;
  for (const found of shortenings(texts, letters)) if (apart(found)) return found;
  const all = [...new Set(texts)];
  return texts.map((text) => `${text.slice(0, Math.max(letters - 2, 1))}…${all.indexOf(text) + 1}`);
}

// Texts, those that are longer than the room with an ellipsis. Pictures are drawn often, and their names stay.
const FITTED = new Map();
function fitted(context, texts, room) {
  const key = JSON.stringify([context.font, Math.floor(room), texts]);
  if (!FITTED.has(key)) FITTED.set(key, fitting(context, texts, room));
  return FITTED.get(key);
}

function fitting(context, texts, room) {
  const longest = (all) => Math.max(0, ...all.map((text) => context.measureText(text).width));
  let found = texts, letters = Math.max(0, ...texts.map((text) => text.length));
  for (let wide = longest(found); wide > room && letters > 4; wide = longest(found)) {
    letters = Math.max(4, Math.min(letters - 1, Math.floor((letters * room) / wide) + 1));
    found = shortened(texts, letters);
  }
  return found;
}
