// What a report says and shows, drawn with charts.js from the JSON block.
const { title, evaluation, curves, words } = data;
const FULL_TABLE = 20, LISTED = 15, FOLD = 420, POINTS = 200;

// -- headline --
function strip(baseline) {
  const { accuracy, accuracy_low: low, accuracy_high: high } = evaluation;
  const [share, ...shares] = [baseline, accuracy, low, high].map(value => percent(value));
  const name = plain("strip", { share, accuracy: shares[0], low: shares[1], high: shares[2] });
  const svg = shape("svg", { role: "img", "aria-label": name, class: "chart" });
  painters.push(() => {
    const width = Math.max(240, svg.parentNode.clientWidth), x = value => 8 + value * (width - 16);
    const bar = (from, to, y, height, kind) =>
      shape("rect", { x: x(from), y, width: Math.max(2, x(to) - x(from)), height, rx: height / 2, class: kind });
    const anchor = baseline > 0.65 ? "end" : baseline < 0.3 ? "start" : "middle";
    set(svg, { width, height: 66, viewBox: `0 0 ${width} 66` });
    svg.replaceChildren(bar(0, 1, 30, 6, "track"), bar(0, accuracy, 30, 6, "fill"), bar(low, high, 26, 14, "interval"),
      line(x(low), 24, x(low), 42, "bound"), line(x(high), 24, x(high), 42, "bound"),
      line(x(baseline), 20, x(baseline), 44, "baseline"),
      shape("circle", { cx: x(accuracy), cy: 33, r: 5, class: "dot" }),
      label(x(baseline), 12, plain("stripBaseline", { share }), anchor),
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
    fact("seconds", say("secondsValue", { seconds: number(seconds, 1) }),
      { rate: number(seconds ? n / seconds : null) }),
  ];
  return section("headline",
    make("div", { class: "verdict" },
      make("p", { class: "figure" }, make("span", {}, say("accuracy")), make("strong", {}, percent(accuracy))),
      make("div", {}, lead(say("right", { right, n: number(n), ...interval })),
        make("p", {}, say("baseline", { label: foreign(labels[largest]), share: percent(baseline) })),
        note("intervalLimits"))),
    strip(baseline), make("dl", { class: "facts" }, facts));
}

// -- learning curves --
function thinned(points) {
  const size = Math.ceil(points.length / POINTS);
  const mean = (group, axis) => sum(group.map(point => point[axis])) / group.length;
  return Array.from({ length: Math.ceil(points.length / size) || 0 }, (_, index) => {
    const group = points.slice(index * size, (index + 1) * size);
    return [mean(group, 0), mean(group, 1)];
  });
}

function curve(name, series) {
  const drawn = series.filter(({ points }) => points.length);
  const all = drawn.flatMap(({ points }) => points), xs = all.map(point => point[0]), ys = all.map(point => point[1]);
  const legend = drawn.map(({ key, kind }) => make("span", { class: `key ${kind}` }, say(key)));
  return chart(name, (svg, width) => {
    const box = { left: 46, right: width - 20, top: 12, bottom: 212 };
    const write = { up: number, across: (value, places) => number(value, places, 0), name: "epoch" };
    const end = Math.max(...xs), even = ticks(0, end, width < 420 ? 4 : 6);
    const across = { ...even, values: even.values.filter(value => value <= end * 1.001), end };
    const [x, y] = axes(svg, box, across, ticks(Math.min(...ys), Math.max(...ys), 4), write);
    for (const { points, kind } of drawn) {
      const places = points.map(point => [x(point[0]), y(point[1])]);
      svg.append(shape("path", { d: `M${places.map(place => place.join(" ")).join("L")}`, class: `curve ${kind}` }));
      if (kind === "dev") svg.append(...places.map(([cx, cy]) => shape("circle", { cx, cy, r: 4, class: "dev" })));
    }
    const near = end / POINTS / 2;
    const stops = [...new Set(xs)].sort((a, b) => a - b).map(epoch => {
      const values = drawn.flatMap(({ key, points }) => points.filter(point => Math.abs(point[0] - epoch) <= near)
        .slice(-1).map(point => `${plain(key)} ${number(point[1], 3)}`));
      const text = [`${plain("epoch")} ${number(epoch, 2, 0)}`, ...values].join(" · ");
      return { x: x(epoch) - 0.75, y: box.top, width: 1.5, height: box.bottom - box.top, class: "cursor thin", text };
    });
    return [box.bottom + 44, stops];
  }, legend);
}

function lossConclusion(training, dev) {
  if (!dev.length) {
    return say("lossTraining", { first: number(training[0][1], 3), last: number(training.at(-1)[1], 3) });
  }
  const lowest = best(dev, point => -point[1]), end = dev.at(-1);
  const later = end[1] > lowest[1] * 1.02 ? "lossOverfit" : "lossLevel";
  const key = dev.length === 1 ? "lossOnly" : lowest === end ? "lossFell" : later;
  return say(key, { epoch: number(lowest[0], 2, 0), low: number(lowest[1], 3), end: number(end[1], 3) });
}

function learning() {
  const points = (events, key) => events.filter(event => known(event[key])).map(event => [event.epoch, event[key]]);
  const training = thinned(points(curves.step, "loss"));
  const dev = points(curves.dev, "loss"), scores = points(curves.dev, "score");
  if (!training.length && !dev.length && !scores.length) return section("learning", lead(say("noCurve")));
  const panels = [], panel = (conclusion, figure) => make("div", {}, lead(conclusion), figure);
  if (training.length || dev.length) {
    const series = [
      { key: "trainingLoss", kind: "training", points: training },
      { key: "devLoss", kind: "dev", points: dev },
    ];
    panels.push(panel(lossConclusion(training, dev), curve(plain("loss"), series)));
  }
  if (scores.length) {
    const top = best(scores, point => point[1]);
    const key = scores.length === 1 ? "scoreOnly" : top === scores.at(-1) ? "scoreRising" : "scoreBest";
    panels.push(panel(say(key, { epoch: number(top[0], 2, 0), score: number(top[1], 3) }), scores.length === 1 ? [] :
      curve(plain("devScore"), [{ key: "devScore", kind: "dev", points: scores }])));
  }
  const rows = curves.dev.map(event => [number(event.epoch, 2, 0), number(event.loss, 3), number(event.score, 3)]);
  const numbers = table(["epoch", "devLoss", "devScore"].map(key => plain(key)), rows);
  return section("learning", make("div", { class: "pair" }, panels),
    rows.length ? folded("numbers", numbers, "learning") : []);
}

// -- confusion --
function matrix() {
  const { labels, confusion } = evaluation;
  const cell = (count, row, diagonal) => {
    const share = sum(row) ? count / sum(row) : null;
    const element = make("td", { class: !count ? "none" : diagonal ? "right" : "wrong" },
      make("span", {}, number(count)), make("small", {}, percent(share, labels.length > 6 ? 0 : 1)));
    element.style.setProperty("--share", Math.sqrt(share || 0));  // the root: small shares should still be seen
    return element;
  };
  const columns = labels.map(text => make("th", { scope: "col" }, foreign(text)));
  const body = confusion.map((row, index) => make("tr", {}, make("th", { scope: "row" }, foreign(labels[index])),
    row.map((count, column) => cell(count, row, index === column))));
  const top = make("tr", {}, make("th", { scope: "col", rowspan: 2, class: "corner" }, say("trueLabel")),
    make("th", { scope: "colgroup", colspan: labels.length }, say("predictedLabel")));
  return make("table", { class: labels.length > 6 ? "matrix many" : "matrix" },
    make("thead", {}, top, make("tr", {}, columns)), make("tbody", {}, body));
}

function byLabel() {
  const { labels, confusion } = evaluation, ratio = (part, whole) => (whole ? part / whole : null);
  const rows = labels.map((text, index) => {
    const right = confusion[index][index], texts = sum(confusion[index]);
    const predicted = sum(confusion.map(row => row[index]));
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
    mistakes.slice(0, LISTED).map(mistake => Object.values(shown(mistake))));
  const [key, content] = labels.length <= FULL_TABLE ? ["confusionTable", matrix()] : ["confusionList", list()];
  return section("confusion", lead(conclusion), note(key, { total: number(mistakes.length) }),
    scrolling(content, "confusion"), byLabel());
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
    const roomy = x(bins[0].high) - x(bins[0].low) > 30;
    const dots = bins.map(bin => {
      const height = bin.n / most * 40, middle = x((bin.low + bin.high) / 2);
      const [left, wide] = [x(bin.low) + 1, Math.max(1, x(bin.high) - x(bin.low) - 2)];
      const count = written(bin.n, { notation: "compact" });
      svg.append(shape("rect", { x: left, y: foot - height, width: wide, height, class: "bar" }));
      if (roomy) svg.append(label(middle, foot + 15, count, "middle", "tick small"));
      const gap = line(x(bin.confidence), y(bin.confidence), x(bin.confidence), y(bin.accuracy), "gap");
      svg.append(set(gap, { "stroke-width": 1 + 2.5 * Math.sqrt(bin.n / most) }));  // few predictions, thin line
      const radius = 4 + 5 * Math.sqrt(bin.n / most);
      return shape("circle", { cx: x(bin.confidence), cy: y(bin.accuracy), r: radius, class: "point" });
    });
    svg.append(...dots);
    const described = ({ confidence, accuracy, n }) =>
      plain("binReadout", { confidence: percent(confidence), accuracy: percent(accuracy), n: number(n) });
    const stops = bins.map(bin => ({ x: x(bin.low), y: box.top, width: x(bin.high) - x(bin.low), height: foot - box.top,
      text: described(bin) }));
    return [foot + 22, stops];
  }, make("span", { class: "panel" }, say(key)));
}

function calibration() {
  const filled = bins => bins.filter(bin => bin.n), { n } = evaluation;
  const before = filled(evaluation.reliability_uncalibrated), after = filled(evaluation.reliability);
  if (!before.length || !after.length) return [];
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
    folded("numbers", [table(headers, rows(before), say("before")), table(headers, rows(after), say("after"))],
      "calibration"));
}

// -- text length --
function wilson(share, n) {
  const z = 1.959964, middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const half = z / (1 + z * z / n) * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

function lengthSection() {
  const bins = evaluation.by_length.filter(bin => bin.n)
    .map(bin => ({ ...bin, interval: wilson(bin.accuracy, bin.n) }));
  if (!bins.length) return [];
  const top = best(bins, bin => bin.accuracy), weak = best(bins, bin => -bin.accuracy);
  const span = bin => range(bin.low, bin.high);
  const key = bins.length === 1 ? "lengthOne" : weak.interval[1] < top.interval[0] ? "lengthWorst" : "lengthChance";
  const conclusion = say(key, { range: span(weak), best: span(top), accuracy: percent(weak.accuracy),
    points: number(100 * (evaluation.accuracy - weak.accuracy), 1) });
  const described = bin => ({ range: span(bin), accuracy: percent(bin.accuracy), n: number(bin.n),
    low: percent(bin.interval[0]), high: percent(bin.interval[1]) });
  const figure = chart(plain("length"), (svg, width) => {
    const longest = write => 7 * Math.max(...bins.map(bin => write(bin).length));  // 7 px hold any digit
    const count = bin => `n = ${number(bin.n)}`;
    const left = 10 + longest(span), right = width - 66 - longest(count), step = 34;
    const x = value => left + value * (right - left), end = 8 + step * bins.length;
    const stops = bins.map((bin, index) => {
      const y = 8 + step * index, middle = y + step / 2, [low, high] = bin.interval;
      svg.append(label(left - 8, middle + 4, span(bin), "end"));
      svg.append(shape("rect", { x: left, y: middle - 10, width: x(bin.accuracy) - left, height: 20, class: "bar" }));
      svg.append(line(x(low), middle, x(high), middle, "whisker"));
      svg.append(label(width, middle + 4, count(bin), "end"));
      svg.append(label(right + 12, middle + 4, percent(bin.accuracy), "start", "amount"));
      return { x: 0, y, width, height: step, text: plain("lengthReadout", described(bin)) };
    });
    const total = x(evaluation.accuracy);
    svg.append(line(left, 8, left, end, "rule"), line(total, 4, total, end, "diagonal"));
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
  const beginning = `${signs.slice(0, FOLD).join("").replace(/\s+\S{0,20}$/, "")} …`;
  const show = open => {
    paragraph.textContent = visible(open ? error.text : beginning);
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
    const pressed = code === language;
    const button = make("button", { type: "button", lang: code, "aria-pressed": pressed }, words[code].language);
    button.addEventListener("click", () => {
      language = code;
      render();
      document.querySelector(`button[lang=${code}]`).focus();
    });
    return button;
  });
  const bar = make("div", { class: "masthead" }, make("p", {}, say("kind")),
    make("div", { role: "group", "aria-label": plain("chooseLanguage"), class: "switch" }, buttons));
  const source = make("p", {}, say("measuredOn", { data: foreign(evaluation.data) }));
  return [bar, make("h1", { dir: "auto" }, visible(title)), source];
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
