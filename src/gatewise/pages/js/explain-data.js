"use strict";
// What the views share: the numbers, where the reader stands, questions to Python or to what was prepared.
const LONGEST = 1000;  // tokens shown at once
const { words } = data;
const state = { t: 0, side: 0, row: 0, method: "", quantity: "cell_states", from: -1, to: -1, card: 0 };
let look = null;  // the text as it was first read
let story = data.story;  // what was prepared for it; filled by answers where a Python is at hand
let watchers = [];  // called when the reader has moved

// -- numbers --
const KINDS = { u1: Uint8Array, i1: Int8Array, i2: Int16Array, f4: Float32Array };
function unpack(packed) {
  if (packed.at) return packed;
  const raw = atob(packed.data), bytes = new Uint8Array(raw.length);
  for (let index = 0; index < raw.length; index += 1) bytes[index] = raw.charCodeAt(index);
  const values = new KINDS[packed.kind](bytes.buffer), columns = packed.shape.at(-1), { scale } = packed;
  packed.at = scale ? (row, column) => values[row * columns + column] * scale[row] :
    (row, column) => values[row * columns + column];
  return packed;
}
const direction = () => look.layers.at(-1)[state.side];
const directions = () => look.layers.at(-1).length;
const unitName = row => `${direction().units[row]}${directions() > 1 ? (state.side ? "←" : "→") : ""}`;
const logistic = value => 1 / (1 + Math.exp(-value));
const quantities = {
  input_gate: [0, 1], forget_gate: [0, 1], output_gate: [0, 1], candidate: [-1, 1], cell_states: null, states: [-1, 1],
};
function quantity(name, row, t) {
  const own = direction();
  if (name === "cell_states") return unpack(own.cell_states).at(row, t);
  if (name === "states") return unpack(own.gates.output_gate).at(row, t) * Math.tanh(unpack(own.cell_states).at(row, t));
  return unpack(own.gates[name]).at(row, t);
}
const token = t => look.tokens[t];
const quoted = t => foreign(token(t).trim() ? token(t) : "·");
const length = () => look.tokens.length;
const labelled = index => foreign(look.labels[index]);
const signed = (value, digits = 2) => written(value,
  { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" }).replace("-", "−");
const indices = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
const largest = (items, score) => items.reduce((top, item) => (score(item) > score(top) ? item : top), items[0]);

// Draw everything that depends on the width; charts that have gone are forgotten.
let painting = false;
function repaint() {
  if (painting) return;
  painting = true;
  painters = painters.filter(paint => !paint.element || paint.element.isConnected);
  painters.slice().forEach(paint => paint());
  painting = false;
}

// At most LONGEST tokens around the reader are drawn.
function shown() {
  if (length() <= LONGEST) return [0, length()];
  const from = Math.max(0, Math.min(length() - LONGEST, Math.floor(state.t / (LONGEST / 2)) * (LONGEST / 2) - LONGEST / 4));
  return [from, from + LONGEST];
}

// -- where the reader stands --
let pending = false;
function move(change, act) {
  const before = shown()[0];
  Object.assign(state, change);
  state.t = Math.max(0, Math.min(length() - 1, state.t));
  if (act) did(act);
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    if (shown()[0] !== before) repaint();
    watchers.forEach(watch => watch());
    remember();
  });
}
const KEPT = { t: Number, side: Number, row: Number, method: String, quantity: String, from: Number, to: Number, card: Number };
function remember() {
  const parts = Object.keys(KEPT).map(key => [key, state[key]]);
  parts.push(["lang", language], ["edits", edits.map(edit => edit.code).join(",")]);
  if (held) parts.push(["held", [held.gate, held.value, held.unit ?? ""].join(",")]);
  if (data.live) parts.push(["text", look.text]);
  const hash = parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
  try { history.replaceState(null, "", `#${hash}`); } catch { location.hash = hash; }
}
function recalled() {
  const found = {};
  for (const part of location.hash.slice(1).split("&")) {
    const [key, value] = part.split("=");
    try { if (value !== undefined) found[key] = decodeURIComponent(value); } catch { /* a damaged link: the part is left out */ }
  }
  return found;
}
function restore(found) {
  for (const [key, kind] of Object.entries(KEPT)) {
    if (key in found && (kind === String || Number.isInteger(Number(found[key])))) state[key] = kind(found[key]);
  }
  const inside = (value, count) => Math.max(0, Math.min(count - 1, value));
  state.t = inside(state.t, length());
  state.side = inside(state.side, directions());
  state.row = inside(state.row, direction().units.length);
  state.card = inside(state.card, CARDS.length);
  if (!(state.quantity in quantities)) state.quantity = "cell_states";
  if (!(state.from >= 0 && state.to > state.from && state.to <= length())) state.from = state.to = -1;
  if (!data.methods.includes(state.method)) state.method = look.shares.method;
}

// -- questions --
// Python answers in the served page; the file knows the answers that were prepared, and null for the others.
async function ask(question) {
  return data.live ? live(question) : prepared(question);
}
function prepared(question) {
  const { phrases = [], clamps = [], methods = [], edits: cuts = {} } = story;
  const answers = {
    method: () => methods.find(found => found.method === question.method),
    phrase: () => phrases.find(found => found.start === question.start && found.stop === question.stop),
    clamp: () => clamps.find(found => found.gate === question.gate && found.value === question.value &&
      found.unit === question.unit),
    brief: () => cuts[question.token],
    horizon: () => story.horizon,
    gradients: () => story.gradients,
  };
  return answers[question.ask]() ?? null;
}
