"use strict";
// Draws the page from the JSON block. Texts and labels are strangers' words: they enter only as text nodes.
const { title, evaluation, curves, words } = JSON.parse(document.getElementById("data").textContent);
const FULL_TABLE = 20, LISTED = 15, FOLD = 420, POINTS = 200;
let language = /^zh\b/i.test(navigator.language) ? "zh" : "en";
let painters = [];

// -- words and numbers --
const known = value => value !== null && value !== undefined;
const number = (value, digits = 0, least = digits) => !known(value) ? "–" :
  value.toLocaleString(language, { minimumFractionDigits: least, maximumFractionDigits: digits });
const percent = (value, digits = 1) => !known(value) ? "–" : value.toLocaleString(language,
  { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
const range = (low, high) => `${number(low)}–${number(high)}`;
const sum = values => values.reduce((total, value) => total + value, 0);
const best = (items, score) => items.reduce((top, item) => (score(item) > score(top) ? item : top));

function say(key, values = {}) {
  const fragment = document.createDocumentFragment();
  words[language][key].split(/\{(\w+)\}/).forEach((part, index) => fragment.append(index % 2 ? values[part] : part));
  return fragment;
}
const plain = (key, values) => say(key, values).textContent;

// Control characters get their visible pictures (U+2400...); tab and line feed stay.
const visible = text => text.replace(/[\0-\x08\x0b-\x1f\x7f]/g,
  sign => String.fromCharCode(sign === "\x7f" ? 0x2421 : 0x2400 + sign.charCodeAt(0)));
const foreign = text => make("bdi", { dir: "auto" }, visible(text));

// -- elements --
const builder = space => (name, attributes = {}, ...children) => {
  const element = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
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
  return make("table", {}, caption ? make("caption", {}, caption) : [], make("thead", {}, head), make("tbody", {}, body));
}
const scrolling = (content, key) =>
  make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": plain(key) }, content);
const folded = (key, content, name) =>
  make("details", {}, make("summary", {}, say(key)), scrolling(content, name || key));

function section(key, ...children) {
  const heading = make("h2", { id: key }, say(key));
  return make("section", { "aria-labelledby": key }, heading, children.flat());
}
const lead = content => make("p", { class: "lead" }, content);
const note = key => make("p", { class: "note" }, say(key));

// -- charts: paint(svg, width) draws, sets the height and gives the stops [{x, y, width, height, text}] --
function chart(name, paint, caption = []) {
  const svg = shape("svg", { tabindex: 0, role: "slider", "aria-label": name, "aria-valuemin": 1, class: "chart" });
  const readout = make("p", { class: "readout" }, say("hint"));
  const figure = make("figure", {}, make("figcaption", {}, caption), svg, readout);
  let stops = [], cursor, at = -1;
  const go = index => {
    at = Math.max(0, Math.min(stops.length - 1, index));
    const { text, ...box } = stops[at];
    for (const [key, value] of Object.entries(box)) cursor.setAttribute(key, value);
    svg.setAttribute("aria-valuenow", at + 1);
    svg.setAttribute("aria-valuetext", text);
    readout.textContent = text;
    readout.classList.add("live");
  };
  svg.addEventListener("pointermove", event => {
    const frame = svg.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const upright = stops[0].height > stops[0].width;
    const far = stop => (upright ? Math.abs(stop.x + stop.width / 2 - x) : Math.abs(stop.y + stop.height / 2 - y));
    go(stops.indexOf(best(stops, stop => -far(stop))));
  });
  svg.addEventListener("keydown", event => {
    const moves = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: stops.length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    go(moves[event.key]);
  });
  svg.addEventListener("focus", () => at < 0 && go(0));
  painters.push(() => {
    const width = Math.max(240, svg.parentNode.clientWidth);
    cursor = shape("rect", { class: "cursor" });
    svg.replaceChildren(cursor);
    const [height, painted] = paint(svg, width);
    stops = painted;
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) svg.setAttribute(key, value);
    svg.setAttribute("aria-valuemax", stops.length);
    svg.setAttribute("aria-valuenow", Math.max(1, at + 1));
    svg.setAttribute("aria-valuetext", stops[Math.max(0, at)].text);
    if (at >= 0) go(at);
  });
  return figure;
}

function ticks(low, high, count) {
  const rough = (high - low || Math.abs(high) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => size >= rough * 0.999);
  const [first, last] = [Math.floor(low / step + 1e-6), Math.ceil(high / step - 1e-6)];
  const values = Array.from({ length: Math.max(1, last - first) + 1 }, (_, index) => (first + index) * step);
  return { values, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function axes(svg, box, across, up, write) {
  const scale = (values, from, to) => value =>
    from + (value - values[0]) / (values.at(-1) - values[0]) * (to - from);
  const [x, y] = [scale(across.values, box.left, box.right), scale(up.values, box.bottom, box.top)];
  for (const value of up.values) {
    svg.append(line(box.left, y(value), box.right, y(value), "grid"));
    svg.append(label(box.left - 8, y(value) + 4, write.up(value, up.digits), "end"));
  }
  for (const value of across.values) svg.append(label(x(value), box.bottom + 18, write.across(value, across.digits)));
  svg.append(label((box.left + box.right) / 2, box.bottom + 38, plain(write.name), "middle", "axis"));
  return [x, y];
}

// -- headline --
function strip(baseline) {
  const { accuracy, accuracy_low: low, accuracy_high: high } = evaluation;
  const name = plain("strip", { accuracy: percent(accuracy), low: percent(low), high: percent(high), share: percent(baseline) });
  const svg = shape("svg", { role: "img", "aria-label": name, class: "chart" });
  painters.push(() => {
    const width = Math.max(240, svg.parentNode.clientWidth), x = value => 8 + value * (width - 16);
    const bar = (from, to, y, height, kind) =>
      shape("rect", { x: x(from), y, width: Math.max(2, x(to) - x(from)), height, rx: height / 2, class: kind });
    const anchor = baseline > 0.65 ? "end" : baseline < 0.3 ? "start" : "middle";
    for (const [key, value] of Object.entries({ width, height: 66, viewBox: `0 0 ${width} 66` })) svg.setAttribute(key, value);
    svg.replaceChildren(bar(0, 1, 30, 6, "track"), bar(0, accuracy, 30, 6, "fill"), bar(low, high, 26, 14, "interval"),
      line(x(baseline), 20, x(baseline), 44, "baseline"), shape("circle", { cx: x(accuracy), cy: 33, r: 5, class: "dot" }),
      label(x(baseline), 12, `${plain("stripBaseline", { share: percent(baseline) })}`, anchor),
      label(8, 62, percent(0, 0), "start"), label(width - 8, 62, percent(1, 0), "end"));
  });
  return make("figure", {}, svg);
}

function headline() {
  const { n, labels, confusion, accuracy, temperature, seconds, empty_texts: empty } = evaluation;
  const sizes = confusion.map(sum), largest = sizes.indexOf(Math.max(...sizes)), baseline = sizes[largest] / n;
  const right = number(sum(confusion.map((row, index) => row[index])));
  const interval = { low: percent(evaluation.accuracy_low), high: percent(evaluation.accuracy_high) };
  const fact = (key, value, values) => make("div", {}, make("dt", {}, say(key)), make("dd", { class: "value" }, value),
    make("dd", { class: "note" }, say(`${key}Note`, values)));
  const facts = [
    fact("macroF1", number(evaluation.macro_f1, 3)),
    fact("ece", percent(evaluation.ece), { before: percent(evaluation.ece_uncalibrated) }),
    fact("logLoss", number(evaluation.log_loss, 3),
      { before: number(evaluation.log_loss_uncalibrated, 3), chance: number(Math.log(labels.length), 3) }),
    fact("temperature", number(temperature, 2)),
    fact("texts", number(n), { classes: number(labels.length) }),
    ...(empty ? [fact("empty", number(empty))] : []),
    fact("seconds", say("secondsValue", { seconds: number(seconds, 1) }), { rate: number(seconds ? n / seconds : null) }),
  ];
  return section("headline",
    make("div", { class: "verdict" },
      make("p", { class: "figure" }, make("span", {}, say("accuracy")), make("strong", {}, percent(accuracy))),
      make("div", {}, lead(say("right", { right, n: number(n), ...interval })),
        make("p", {}, say("baseline", { label: foreign(labels[largest]), share: percent(baseline) })), note("intervalLimits"))),
    strip(baseline), make("dl", { class: "facts" }, facts));
}

// -- learning curves --
function thinned(points) {
  const size = Math.ceil(points.length / POINTS), mean = (group, axis) => sum(group.map(point => point[axis])) / group.length;
  return Array.from({ length: Math.ceil(points.length / size) || 0 }, (_, index) => {
    const group = points.slice(index * size, (index + 1) * size);
    return [mean(group, 0), mean(group, 1)];
  });
}

function curve(name, series, digits) {
  const drawn = series.filter(({ points }) => points.length);
  const all = drawn.flatMap(({ points }) => points), xs = all.map(point => point[0]), ys = all.map(point => point[1]);
  const legend = drawn.map(({ key, kind }) => make("span", { class: `key ${kind}` }, say(key)));
  return chart(name, (svg, width) => {
    const box = { left: 46, right: width - 20, top: 12, bottom: 212 };
    const write = { up: number, across: (value, places) => number(value, places, 0), name: "epoch" };
    const across = ticks(0, Math.max(...xs), width < 420 ? 4 : 6);
    const [x, y] = axes(svg, box, across, ticks(Math.min(...ys), Math.max(...ys), 4), write);
    for (const { points, kind } of drawn) {
      const places = points.map(point => [x(point[0]), y(point[1])]);
      svg.append(shape("path", { d: `M${places.map(place => place.join(" ")).join("L")}`, class: `curve ${kind}` }));
      if (kind === "dev") svg.append(...places.map(([cx, cy]) => shape("circle", { cx, cy, r: 4, class: "dev" })));
    }
    const near = across.values.at(-1) / POINTS / 2;
    const stops = [...new Set(xs)].sort((a, b) => a - b).map(epoch => {
      const values = drawn.flatMap(({ key, points }) => points.filter(point => Math.abs(point[0] - epoch) <= near).slice(-1)
        .map(point => `${plain(key)} ${number(point[1], digits)}`));
      const text = [`${plain("epoch")} ${number(epoch, 2, 0)}`, ...values].join(" · ");
      return { x: x(epoch) - 0.75, y: box.top, width: 1.5, height: box.bottom - box.top, text };
    });
    return [box.bottom + 44, stops];
  }, legend);
}

function lossConclusion(training, dev) {
  if (!dev.length) return say("lossTraining", { first: number(training[0][1], 3), last: number(training.at(-1)[1], 3) });
  const lowest = best(dev, point => -point[1]), end = dev.at(-1);
  const key = lowest === end ? "lossFell" : end[1] > lowest[1] * 1.02 ? "lossOverfit" : "lossLevel";
  return say(key, { epoch: number(lowest[0], 2, 0), low: number(lowest[1], 3), end: number(end[1], 3) });
}

function learning() {
  const points = (events, key) => events.filter(event => known(event[key])).map(event => [event.epoch, event[key]]);
  const training = thinned(points(curves.step, "loss")), dev = points(curves.dev, "loss"), scores = points(curves.dev, "score");
  if (!training.length && !dev.length && !scores.length) return section("learning", lead(say("noCurve")));
  const panel = (conclusion, figure) => make("div", {}, lead(conclusion), figure);
  const panels = [];
  if (training.length || dev.length) {
    const series = [{ key: "trainingLoss", kind: "training", points: training }, { key: "devLoss", kind: "dev", points: dev }];
    panels.push(panel(lossConclusion(training, dev), curve(plain("loss"), series, 3)));
  }
  if (scores.length) {
    const top = best(scores, point => point[1]);
    const key = scores.length === 1 ? "scoreOnly" : top === scores.at(-1) ? "scoreRising" : "scoreBest";
    panels.push(panel(say(key, { epoch: number(top[0], 2, 0), score: number(top[1], 3) }),
      curve(plain("devScore"), [{ key: "devScore", kind: "dev", points: scores }], 3)));
  }
  const rows = curves.dev.map(event => [number(event.epoch, 2, 0), number(event.loss, 3), number(event.score, 3)]);
  const numbers = table(["epoch", "devLoss", "devScore"].map(key => plain(key)), rows);
  return section("learning", make("div", { class: "pair" }, panels), rows.length ? folded("numbers", numbers, "learning") : []);
}

// -- confusion --
function matrix() {
  const { labels, confusion } = evaluation;
  const cell = (count, row, diagonal) => {
    const share = sum(row) ? count / sum(row) : null;
    const element = make("td", { class: diagonal ? "right" : "wrong" }, make("span", {}, number(count)),
      make("small", {}, percent(share, labels.length > 6 ? 0 : 1)));
    element.style.setProperty("--share", Math.sqrt(share || 0));  // the root: small shares should still be seen
    return element;
  };
  const columns = labels.map(text => make("th", { scope: "col" }, foreign(text)));
  const body = confusion.map((row, index) => make("tr", {}, make("th", { scope: "row" }, foreign(labels[index])),
    row.map((count, column) => cell(count, row, index === column))));
  const top = make("tr", {}, make("th", { scope: "col", rowspan: 2, class: "corner" }, say("trueLabel")),
    make("th", { scope: "colgroup", colspan: labels.length }, say("predictedLabel")));
  return make("table", { class: labels.length > 6 ? "matrix many" : "matrix" }, make("caption", {}, say("confusionCaption")),
    make("thead", {}, top, make("tr", {}, columns)), make("tbody", {}, body));
}

function byLabel() {
  const { labels, confusion } = evaluation, ratio = (part, whole) => (whole ? part / whole : null);
  const rows = labels.map((text, index) => {
    const right = confusion[index][index], texts = sum(confusion[index]), predicted = sum(confusion.map(row => row[index]));
    return [foreign(text), number(texts), percent(ratio(right, predicted)), percent(ratio(right, texts)),
      number(ratio(2 * right, texts + predicted), 3)];
  });
  return folded("byLabel", table(["label", "texts", "precision", "recall", "f1"].map(key => plain(key)), rows));
}

function confusionSection() {
  const { labels, confusion } = evaluation;
  const mistakes = confusion.flatMap((row, from) => row.map((n, to) => ({ from, to, n, share: n / sum(row) })))
    .filter(({ from, to, n }) => from !== to && n).sort((a, b) => b.n - a.n);
  const shown = ({ from, to, n, share }) =>
    ({ label: foreign(labels[from]), predicted: foreign(labels[to]), n: number(n), share: percent(share) });
  const conclusion = mistakes.length ? say("confusionWorst", shown(mistakes[0])) : say("confusionNone");
  const list = () => table(["trueLabel", "predictedLabel", "count", "shareOfLabel"].map(key => plain(key)),
    mistakes.slice(0, LISTED).map(mistake => Object.values(shown(mistake))),
    say("confusionList", { total: number(mistakes.length) }));
  const content = labels.length <= FULL_TABLE ? matrix() : list();
  return section("confusion", lead(conclusion), scrolling(content, "confusion"), byLabel());
}

// -- calibration --
function reliability(key, bins, floor) {
  const most = Math.max(...bins.map(bin => bin.n));
  return chart(plain(key), (svg, width) => {
    const box = { left: 46, right: width - 20, top: 12, bottom: 72 + Math.min(width, 380) * 0.62 };
    const foot = box.bottom + 104, spread = { values: ticks(floor, 1, 5).values, digits: 0 };
    const write = { up: percent, across: percent, name: "confidence" };
    const [x, y] = axes(svg, box, spread, spread, write), first = spread.values[0];
    svg.append(line(x(first), y(first), x(1), y(1), "diagonal"), line(box.left, foot, box.right, foot, "grid"));
    const roomy = (x(bins[0].high) - x(bins[0].low)) > 24;
    const dots = bins.map(bin => {
      const height = bin.n / most * 40, middle = x((bin.low + bin.high) / 2), left = x(bin.low) + 1;
      svg.append(shape("rect", { x: left, y: foot - height, width: Math.max(1, x(bin.high) - x(bin.low) - 2), height, class: "bar" }));
      if (roomy) svg.append(label(middle, foot + 15, bin.n.toLocaleString(language, { notation: "compact" }), "middle", "tick small"));
      svg.append(line(x(bin.confidence), y(bin.confidence), x(bin.confidence), y(bin.accuracy), "gap"));
      return shape("circle", { cx: x(bin.confidence), cy: y(bin.accuracy), r: 4 + 5 * Math.sqrt(bin.n / most), class: "point" });
    });
    svg.append(...dots);
    const stops = bins.map(bin => ({ x: x(bin.low), y: box.top, width: x(bin.high) - x(bin.low), height: foot - box.top,
      text: plain("binReadout", { confidence: percent(bin.confidence), accuracy: percent(bin.accuracy), n: number(bin.n) }) }));
    return [foot + 22, stops];
  }, make("span", { class: "panel" }, say(key)));
}

function calibration() {
  const filled = bins => bins.filter(bin => bin.n), { n } = evaluation;
  const before = filled(evaluation.reliability_uncalibrated), after = filled(evaluation.reliability);
  const gap = bins => sum(bins.map(bin => bin.n * (bin.confidence - bin.accuracy))) / n;
  const verdict = (value, over, under, fair) => (Math.abs(value) < 0.005 ? fair : value > 0 ? over : under);
  const points = value => number(100 * Math.abs(value), 1), [start, end] = [gap(before), gap(after)];
  const opening = say(verdict(start, "overconfident", "underconfident", "fairlyConfident"), { before: points(start) });
  const conclusion = say(verdict(end, "afterOver", "afterUnder", "afterFair"), { start: opening, after: points(end) });
  const floor = Math.min(...[...before, ...after].flatMap(bin => [bin.low, bin.accuracy]));
  const rows = bins => bins.map(bin => [`${percent(bin.low, 0)}–${percent(bin.high, 0)}`, number(bin.n),
    percent(bin.confidence), percent(bin.accuracy)]);
  const headers = ["range", "texts", "confidence", "shareRight"].map(key => plain(key));
  return section("calibration", lead(conclusion), note("calibrationNote"),
    make("div", { class: "pair" }, reliability("before", before, floor), reliability("after", after, floor)),
    folded("numbers", [table(headers, rows(before), say("before")), table(headers, rows(after), say("after"))], "calibration"));
}

// -- text length --
function wilson(share, n) {
  const z = 1.959964, middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const half = z / (1 + z * z / n) * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

function lengthSection() {
  const bins = evaluation.by_length.filter(bin => bin.n).map(bin => ({ ...bin, interval: wilson(bin.accuracy, bin.n) }));
  if (!bins.length) return [];
  const top = best(bins, bin => bin.accuracy), weak = best(bins, bin => -bin.accuracy), span = bin => range(bin.low, bin.high);
  const key = bins.length === 1 ? "lengthOne" : weak.interval[1] < top.interval[0] ? "lengthWorst" : "lengthChance";
  const conclusion = say(key, { range: span(weak), best: span(top), accuracy: percent(weak.accuracy),
    points: number(100 * (evaluation.accuracy - weak.accuracy), 1) });
  const described = bin => ({ range: span(bin), accuracy: percent(bin.accuracy), n: number(bin.n),
    low: percent(bin.interval[0]), high: percent(bin.interval[1]) });
  const figure = chart(plain("length"), (svg, width) => {
    const left = 10 + 7 * Math.max(...bins.map(bin => span(bin).length)), right = width - 118, step = 34;
    const x = value => left + value * (right - left), end = 8 + step * bins.length;
    const stops = bins.map((bin, index) => {
      const y = 8 + step * index, middle = y + step / 2, [low, high] = bin.interval;
      svg.append(label(left - 8, middle + 4, span(bin), "end"));
      svg.append(shape("rect", { x: left, y: middle - 10, width: x(bin.accuracy) - left, height: 20, class: "bar" }));
      svg.append(line(x(low), middle, x(high), middle, "whisker"));
      svg.append(label(width, middle + 4, `n = ${number(bin.n)}`, "end"));
      svg.append(label(right + 12, middle + 4, percent(bin.accuracy), "start", "amount"));
      return { x: 0, y, width, height: step, text: plain("lengthReadout", described(bin)) };
    });
    svg.append(line(left, 8, left, end, "rule"), line(x(evaluation.accuracy), 4, x(evaluation.accuracy), end, "diagonal"));
    return [end + 6, stops];
  }, make("span", { class: "panel" }, say("tokens")));
  const rows = bins.map(described).map(row => [row.range, row.n, row.accuracy, `${row.low}–${row.high}`]);
  return section("length", lead(conclusion), note("lengthNote"), figure,
    folded("numbers", table(["tokens", "texts", "accuracy", "interval"].map(name => plain(name)), rows), "length"));
}

// -- mistakes --
function mistake(error, index) {
  const signs = Array.from(error.text), paragraph = make("p", { dir: "auto", id: `text-${index}`, class: "text" });
  const fact = (key, value) => make("div", {}, make("dt", {}, say(key)), make("dd", {}, value));
  const facts = make("dl", {}, fact("true", foreign(error.label)), fact("predicted", foreign(error.predicted)),
    fact("probability", percent(error.probability)));
  const item = make("li", {}, make("p", { class: "row" }, say("row", { row: number(error.row) })), facts, paragraph);
  const toggle = make("button", { type: "button", "aria-controls": paragraph.id });
  const show = open => {
    paragraph.textContent = visible(open ? error.text : `${signs.slice(0, FOLD).join("")}…`);
    toggle.setAttribute("aria-expanded", open);
    toggle.replaceChildren(say(open ? "showLess" : "showAll", { n: number(signs.length) }));
  };
  toggle.addEventListener("click", () => show(toggle.getAttribute("aria-expanded") !== "true"));
  if (signs.length > FOLD * 1.25) { item.append(toggle); show(false); }
  else if (error.text.trim()) paragraph.textContent = visible(error.text);
  else paragraph.replaceChildren(make("em", {}, say("emptyText")));
  return item;
}

function mistakes() {
  const { errors, n, confusion } = evaluation, wrong = n - sum(confusion.map((row, index) => row[index]));
  if (!errors.length) return section("errors", lead(say(wrong ? "errorsNote" : "errorsNone")));
  const top = percent(Math.max(...errors.map(error => error.probability)));
  return section("errors", lead(say("errorsLead", { wrong: number(wrong), n: number(n), top })), note("errorsNote"),
    make("ol", { class: "mistakes" }, errors.map(mistake)));
}

// -- page --
function header() {
  const buttons = Object.keys(words).map(code => {
    const button = make("button", { type: "button", lang: code, "aria-pressed": code === language }, words[code].language);
    button.addEventListener("click", () => { language = code; render(); document.querySelector(`button[lang=${code}]`).focus(); });
    return button;
  });
  const bar = make("div", { class: "masthead" }, make("p", {}, say("kind")),
    make("div", { role: "group", "aria-label": plain("chooseLanguage"), class: "switch" }, buttons));
  return [bar, make("h1", { dir: "auto" }, visible(title)), make("p", {}, say("measuredOn", { data: foreign(evaluation.data) }))];
}

function render() {
  painters = [];
  document.documentElement.lang = language;
  document.title = visible(title);
  document.getElementById("top").replaceChildren(...header());
  const sections = [headline(), learning(), confusionSection(), calibration(), lengthSection(), mistakes()];
  document.getElementById("report").replaceChildren(...sections.flat(), make("footer", {}, say("made")));
  painters.forEach(paint => paint());
}

window.addEventListener("resize", () => painters.forEach(paint => paint()));
render();
