"use strict";
// Words, elements, and charts that can be pointed at and walked through with the arrow keys; knows nothing of a report.
// Texts and labels are strangers' words: they enter only as text nodes.
const data = JSON.parse(document.getElementById("data").textContent);
let language = /^zh\b/i.test(navigator.language) ? "zh" : "en";
let painters = [];

// -- words and numbers --
const known = value => value !== null && value !== undefined;
const writers = new Map();  // a format is slow to make and quick to use
function written(value, options) {
  const key = `${language} ${JSON.stringify(options)}`;
  if (!writers.has(key)) writers.set(key, new Intl.NumberFormat(language, options));
  return writers.get(key).format(value);
}
const number = (value, most = 0, least = most, style = "decimal") => !known(value) ? "–" :
  written(value, { style, minimumFractionDigits: least, maximumFractionDigits: most });
const percent = (value, digits = 1) => number(value, digits, digits, "percent");
const range = (low, high) => `${number(low)}–${number(high)}`;
const sum = values => values.reduce((total, value) => total + value, 0);
const best = (items, score) => items.reduce((top, item) => (score(item) > score(top) ? item : top));

function say(key, values = {}) {
  const fragment = document.createDocumentFragment();
  const parts = data.words[language][key].split(/\{(\w+)\}/);
  fragment.append(...parts.map((part, index) => (index % 2 ? values[part] : part)));
  return fragment;
}
const plain = (key, values) => say(key, values).textContent;

// Control characters get their visible pictures (U+2400...); tab and line feed stay.
const visible = text => text.replace(/[\0-\x08\x0b-\x1f\x7f]/g,
  sign => String.fromCharCode(sign === "\x7f" ? 0x2421 : 0x2400 + sign.charCodeAt(0)));
const foreign = text => make("bdi", { dir: "auto" }, visible(text));

// -- elements --
const set = (element, attributes) => {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const builder = space => (name, attributes = {}, ...children) => {
  const element = set(document.createElementNS(space, name), attributes);
  element.append(...children.flat());
  return element;
};
const make = builder("http://www.w3.org/1999/xhtml");
const shape = builder("http://www.w3.org/2000/svg");
const label = (x, y, content, anchor = "middle", name = "tick") =>
  shape("text", { x, y, "text-anchor": anchor, class: name }, content);
const line = (x1, y1, x2, y2, name) => shape("line", { x1, y1, x2, y2, class: name });

function table(headers, rows, caption) {
  const head = make("tr", {}, headers.map(text => make("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...rest]) =>
    make("tr", {}, make("th", { scope: "row" }, first), rest.map(cell => make("td", {}, cell))));
  return make("table", {}, caption ? make("caption", {}, caption) : [], make("thead", {}, head),
    make("tbody", {}, body));
}
const scrolling = (content, key) =>
  make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": plain(key) }, content);
const folded = (key, content, name) =>
  make("details", {}, make("summary", {}, say(key)), scrolling(content, name || key));

const section = (key, ...children) =>
  make("section", { "aria-labelledby": key }, make("h2", { id: key }, say(key)), children.flat());
const lead = content => make("p", { class: "lead" }, content);
const note = (key, values) => make("p", { class: "note" }, say(key, values));

// -- charts: paint(svg, width) draws, sets the height and gives the stops [{x, y, width, height, text}] --
// pick(index), if given, is called for a stop that was clicked or walked to; figure.go(index) moves there from outside.
function chart(name, paint, caption = [], pick = () => {}) {
  const svg = shape("svg", { tabindex: 0, role: "slider", "aria-label": name, "aria-valuemin": 1, class: "chart" });
  const readout = make("p", { class: "readout" }, painters.length === 1 ? say("hint") : []);
  let stops = [], cursor, at = -1;
  const go = index => {
    at = Math.max(0, Math.min(stops.length - 1, index));
    const { text, ...box } = stops[at];
    set(cursor, box);
    set(svg, { "aria-valuenow": at + 1, "aria-valuetext": text });
    readout.textContent = text;
    readout.classList.add("live");
  };
  const point = ({ clientX, clientY }) => {
    const frame = svg.getBoundingClientRect(), upright = stops[0].height > stops[0].width;
    const far = ({ x, y, width, height }) =>
      (upright ? x + width / 2 - (clientX - frame.left) : y + height / 2 - (clientY - frame.top));
    go(stops.indexOf(best(stops, stop => -Math.abs(far(stop)))));
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", event => { point(event); pick(at); });
  svg.addEventListener("keydown", event => {
    const [back, on] = [at - 1, at + 1];
    const moves = { ArrowRight: on, ArrowDown: on, ArrowLeft: back, ArrowUp: back, Home: 0, End: stops.length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    go(moves[event.key]);
    pick(at);
  });
  svg.addEventListener("focus", () => at < 0 && go(0));
  const draw = () => {
    const width = Math.max(240, svg.parentNode.clientWidth);
    cursor = shape("rect", { class: "cursor" });
    svg.replaceChildren(cursor);
    const [height, painted] = paint(svg, width);
    stops = painted;
    set(svg, { width, height, viewBox: `0 0 ${width} ${height}`, "aria-valuemax": stops.length,
      "aria-valuenow": Math.max(1, at + 1), "aria-valuetext": stops[Math.max(0, at)].text });
    if (at >= 0) go(at);
  };
  painters.push(Object.assign(draw, { element: svg }));
  return Object.assign(make("figure", {}, make("figcaption", {}, caption), svg, readout), { go });
}

function ticks(low, high, count) {
  const rough = (high - low || Math.abs(high) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough * 0.999);
  const first = Math.floor(low / step + 1e-6), last = Math.ceil(high / step - 1e-6);
  const values = Array.from({ length: Math.max(1, last - first) + 1 }, (_, index) => (first + index) * step);
  return { values, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function axes(svg, box, across, up, write) {
  const scale = ({ values, end = values.at(-1) }, from, to) => value =>
    from + (value - values[0]) / (end - values[0]) * (to - from);
  const [x, y] = [scale(across, box.left, box.right), scale(up, box.bottom, box.top)];
  for (const value of up.values) {
    svg.append(line(box.left, y(value), box.right, y(value), "grid"));
    svg.append(label(box.left - 8, y(value) + 4, write.up(value, up.digits), "end"));
  }
  for (const value of across.values) svg.append(label(x(value), box.bottom + 18, write.across(value, across.digits)));
  svg.append(label((box.left + box.right) / 2, box.bottom + 38, plain(write.name), "middle", "axis"));
  return [x, y];
}
