"use strict";
// The shares that sum to the logit, and what changes: a phrase, a changed word, a held gate.
let edits = [];  // changes of the text, each {code, key, word}
let edited = null;  // the answer for the changed text
let held = null;  // the answer for a held gate
let found = null;  // the answer for a phrase

const failing = (element, error) => element.replaceChildren(make("span", { class: "failed", role: "alert" }, error.message));
// Of several questions for one place only the latest one's answer is shown.
async function answered(question, element, use) {
  const mine = element.turn = (element.turn ?? 0) + 1;
  element.classList.add("waiting");
  try {
    const answer = await ask(question);
    if (mine === element.turn) use(answer);
  } catch (error) { failing(element, error); }
  if (mine === element.turn) element.classList.remove("waiting");
}

// -- the bar that sums --
function shares() {
  const holder = make("div", { class: "shares" }), conclusion = lead(""), trust = make("p", { class: "note", id: "trust" });
  const choice = make("select", { "aria-label": plain("method"), id: "method" },
    data.methods.map(name => make("option", { value: name }, words[language][`method_${name}`] ?? name)));
  choice.value = state.method;
  choice.addEventListener("change", () => move({ method: choice.value }, "sum"));
  let drawn = "", now = null;
  const draw = answer => {
    now = answer;
    if (!answer) { holder.replaceChildren(note(data.live ? "waiting" : "notPrepared")); conclusion.replaceChildren(); return; }
    const { contributions, bias, logit, residual } = answer, total = sum(contributions), pieces = answer.pieces ?? [];
    const push = sum(contributions.map(Math.abs));
    const ordered = indices(0, length()).sort((a, b) => Math.abs(contributions[b]) - Math.abs(contributions[a]));
    const few = ordered.slice(0, 5);
    conclusion.replaceChildren(say("sharesCarry", { few: number(few.length), n: number(length()),
      share: percent(sum(few.map(t => Math.abs(contributions[t]))) / Math.max(push, 1e-9), 0),
      plus: signed(sum(contributions.filter(value => value > 0))), minus: signed(sum(contributions.filter(value => value < 0))),
      label: labelled(look.target) }));
    const term = (key, value, name, digits = 4) => make("div", {}, make("dt", {}, say(key)),
      make("dd", { id: name }, signed(value, digits)));
    const equation = make("dl", { class: "sum" }, term("sumWords", total, "sum-words"), ...pieces.map(({ name, value }) =>
      term(name, value, `sum-${name}`)), term("sumBias", bias, "sum-bias"), term("sumResidual", residual, "sum-residual", 6),
    term("sumLogit", logit, "sum-logit"));
    const table3 = table(["word", "share"].map(key => plain(key)), ordered.slice(0, 12).map(t => [foreign(`${number(t + 1)} ${token(t)}`), signed(contributions[t], 3)]));
    const bars = shareBars(contributions, bias);
    holder.replaceChildren(waterfall(total, pieces, bias, residual, logit), equation, bars, folded("numbers", table3, "shares"));
    repaint();
    bars.go(state.t - shown()[0]);
  };
  const faith = () => {
    const measured = data.faithfulness?.[state.method];
    trust.replaceChildren(measured ? say("faithMeasured", { comp: number(measured.comprehensiveness, 3),
      suff: number(measured.sufficiency, 3), rank: measured.rank === undefined ? "–" : number(measured.rank, 2) }) : say("faithUnmeasured"));
  };
  watchers.push(() => {
    const key = `${state.method} ${shown()[0]}`;
    if (key !== drawn) {
      drawn = key;
      choice.value = state.method;
      faith();
      if (state.method === look.shares.method) draw(look.shares);
      else answered({ ask: "method", text: look.text, target: look.target, method: state.method }, holder, draw);
    }
    if (now) holder.querySelector("figure")?.mark?.();
  });
  const limits = make("details", {}, make("summary", {}, say("trustTitle")), make("p", { class: "note" }, say("trustText")));
  limits.addEventListener("toggle", () => limits.open && did("faith"));
  return section("shares", conclusion, make("p", { class: "controls" }, make("label", {}, say("method"), " ", choice)), trust,
    holder, limits);
}

// Pieces from zero to the logit, one after the other.
function waterfall(total, pieces, bias, residual, logit) {
  const steps = [["sumWords", total], ...pieces.map(({ name, value }) => [name, value]), ["sumBias", bias]];
  if (Math.abs(residual) > 0.005) steps.push(["sumResidual", residual]);
  const figure = make("figure", {}), svg = shape("svg", { class: "chart still", role: "img",
    "aria-label": plain("waterfall", { logit: signed(logit, 3) }) });
  const paint = () => {
    const width = Math.max(240, figure.clientWidth || 600), left = 104, right = width - 62, row = 28;
    const ends = []; let reached = 0;
    for (const [, value] of steps) { ends.push([reached, reached + value]); reached += value; }
    const low = Math.min(0, ...ends.flat()), high = Math.max(0, ...ends.flat(), 1e-6);
    const x = value => left + (value - low) / (high - low || 1) * (right - left);
    svg.replaceChildren(...[...steps, ["sumLogit", logit]].flatMap(([key, value], index) => {
      const [from, to] = ends[index] ?? [0, logit], y = 6 + index * row;
      return [label(left - 10, y + 15, plain(key), "end"),
        shape("rect", { x: Math.min(x(from), x(to)), y: y + 2, width: Math.max(1.5, Math.abs(x(to) - x(from))), height: row - 9, rx: 2,
          class: `piece ${ends[index] ? shareClass(value) : "whole"}` }),
        label(Math.max(x(from), x(to)) + 6, y + 15, signed(value), "start", "amount")];
    }), line(x(0), 2, x(0), 6 + row * (steps.length + 1), "rule"));
    set(svg, { width, height: 10 + row * (steps.length + 1) });
  };
  painters.push(Object.assign(paint, { element: svg }));
  figure.append(svg);
  return figure;
}

function shareBars(contributions) {
  const most = Math.max(...contributions.map(Math.abs), 1e-9);
  const figure = chart(plain("shares"), (svg, width) => {
    const [from, to] = shown(), box = { left: LEFT, right: width - RIGHT, top: 8, bottom: 158 }, middle = 83;
    const x = t => box.left + (t - from) / (to - from) * (box.right - box.left), step = x(from + 1) - x(from);
    svg.append(label(LEFT - 8, 18, signed(most), "end"), label(LEFT - 8, 156, signed(-most), "end"), label(LEFT - 8, 87, "0", "end"));
    const wide = Math.max(0.6, step - (step > 4 ? 1.5 : 0));
    svg.append(...indices(from, to).map(t => {
      const height = Math.abs(contributions[t]) / most * 72;
      return shape("rect", { x: x(t) + (step - wide) / 2, y: contributions[t] >= 0 ? middle - height : middle, width: wide,
        height: Math.max(0.5, height), class: `piece ${shareClass(contributions[t])}` });
    }), line(box.left, middle, box.right, middle, "rule"));
    svg.append(label(box.left, box.bottom + 16, number(from + 1), "start"),
      label(box.right, box.bottom + 16, `${plain("tokenAxis")} ${number(to)}`, "end"));
    return [box.bottom + 22, indices(from, to).map(t => ({ x: x(t), y: box.top, width: Math.max(1.5, step), height: box.bottom - box.top,
      text: `${place(t)} · ${signed(contributions[t], 3)}` }))];
  }, [make("span", { class: "swatch for" }, say("towards", { label: labelled(look.target) })),
    make("span", { class: "swatch against" }, say("awayFrom", { label: labelled(look.target) }))], t => move({ t: t + shown()[0] }));
  figure.mark = () => figure.go(state.t - shown()[0]);
  return figure;
}

// -- a strip of tokens around the reader --
const AROUND = 12;
function strip(act) {
  const holder = make("div", { class: "strip", tabindex: 0, role: "group", "aria-label": plain("strip"), dir: "auto" });
  watchers.push(() => {
    const from = Math.max(0, Math.min(length() - 2 * AROUND - 1, state.t - AROUND)), to = Math.min(length(), from + 2 * AROUND + 1);
    const most = Math.max(...look.shares.contributions.map(Math.abs));
    holder.replaceChildren(...indices(from, to).map(t => {
      const chosen = t >= state.from && t < state.to ? " chosen" : "";
      const span = make("bdi", { class: `token${chosen}${t === state.t ? " here" : ""}`, "data-t": t }, visible(token(t)) || "∅");
      painted(span, look.shares.contributions[t], most);
      return span;
    }));
  });
  return act(holder) ?? holder;
}
const under = event => Number(document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-t]")?.dataset.t ?? NaN);

function phrases() {
  const result = make("div", { class: "result", "aria-live": "polite" });
  let asked = "";
  const show = answer => {
    found = answer;
    if (!answer) { result.replaceChildren(lead(say("phraseNotPrepared"))); return; }
    const inside = quotedSpan(answer.start, answer.stop), alone = sum(answer.alone), effects = sum(answer.effects);
    const row = (name, ...numbers) => [name, ...numbers.map(number => signed(number, 3))];
    const rows = [...indices(answer.start, answer.stop).map((t, index) => row(foreign(token(t)), answer.alone[index], answer.effects[index])),
      row(plain("wordsAlone"), alone, effects), row(plain("together"), answer.together, answer.effect),
      row(plain("interaction"), answer.together - alone, answer.effect - effects)];
    result.replaceChildren(lead(say("phraseWorth", { phrase: inside, together: signed(answer.together), alone: signed(alone),
      difference: signed(answer.together - alone), effect: signed(answer.effect), effectDifference: signed(answer.effect - effects) })),
    table([plain("word"), plain("share"), plain("effect")], rows));
    set(result.querySelector("table"), { id: "phrase-table" });
  };
  const brush = strip(holder => {
    let start = null;
    const cover = (a, b, done) => {
      move({ from: Math.min(a, b), to: Math.max(a, b) + 1 }, done && a !== b ? "phrase" : undefined);
    };
    holder.addEventListener("pointerdown", event => {
      const t = under(event);
      if (Number.isNaN(t)) return;
      event.preventDefault();
      holder.focus();
      if (event.shiftKey && state.from >= 0) { cover(state.from, t, true); return; }
      start = t;
      try { holder.setPointerCapture(event.pointerId); } catch { /* a pointer that has gone needs no capture */ }
      cover(t, t);
    });
    holder.addEventListener("pointermove", event => {
      const t = under(event);
      if (start !== null && !Number.isNaN(t) && (t < state.from || t >= state.to || t + 1 < state.to || t > state.from)) cover(start, t, true);
    });
    const end = () => { start = null; };
    holder.addEventListener("pointerup", end);
    holder.addEventListener("pointercancel", end);
    holder.addEventListener("keydown", event => {
      if (event.key === "Escape") { move({ from: -1, to: -1 }); return; }
      if (!event.shiftKey || !["ArrowRight", "ArrowLeft"].includes(event.key)) { walk(event); return; }
      event.preventDefault();
      const [from, to] = state.from < 0 ? [state.t, state.t + 1] : [state.from, state.to];
      if (event.key === "ArrowRight" && to < length()) move({ from, to: to + 1, t: to }, "phrase");
      if (event.key === "ArrowLeft" && from > 0) move({ from: from - 1, to, t: from - 1 }, "phrase");
    });
  });
  watchers.push(() => {
    const key = `${state.from} ${state.to}`;
    if (key === asked) return;
    asked = key;
    if (state.from < 0) { result.replaceChildren(lead(say("phraseNone"))); return; }
    answered({ ask: "phrase", text: look.text, target: look.target, start: state.from, stop: state.to }, result, show);
  });
  return section("phrase", note("phraseNote"), brush, result);
}
const quotedSpan = (from, to) => foreign(look.text.slice(...units16(look.offsets[from][0], look.offsets[to - 1][1])));

// -- what if: another text, a held gate; both are compared with the text as it was --
function compared(answer, key) {
  const before = look.probabilities[look.target], flips = (answer.probability > 0.5) !== (before > 0.5);
  const values = { label: labelled(look.target), before: percent(before, 0), after: percent(answer.probability, 0) };
  const same = answer.tokens.length === length();
  const figure = curves(plain(key), {
    series: [{ key: "beforeKey", kind: "probability", values: look.running }, { key: "afterKey", kind: "after", values: answer.running }],
    low: 0, high: 1, write: value => percent(value, 0), at: () => [Math.max(0, Math.min(shown()[0], answer.running.length - 1)),
      Math.max(Math.min(length(), shown()[1]), Math.min(answer.running.length, shown()[0] + LONGEST))],
    readout: t => [number(t + 1), [look, "beforeKey"], [answer, "afterKey"]].map(item => (typeof item === "string" ? item :
      `${plain(item[1])} ${item[0].tokens[t] === undefined ? "–" : `${visible(item[0].tokens[t])} ${percent(item[0].running[t])}`}`)).join(" · "),
  });
  const largestMemory = Math.max(...look.memory, ...answer.memory, 1e-6);
  const memory = !same ? [] : curves(plain("memorySize"), {
    series: [{ key: "memoryBefore", kind: "probability", values: look.memory }, { key: "memoryAfter", kind: "after", values: answer.memory }],
    low: 0, high: largestMemory, write: (value, digits) => number(value, Math.min(2, digits)),
    readout: t => `${place(t)} · ${number(look.memory[t], 2)} → ${number(answer.memory[t], 2)}`,
  });
  return { values, flips, figure, memory };
}

function changedText() {
  const result = make("div", { class: "result", "aria-live": "polite" }), chips = make("ul", { class: "chips" });
  const drop = make("button", { type: "button", id: "drop" }), twice = make("button", { type: "button", id: "twice" });
  const other = make("input", { type: "text", "aria-label": plain("swapWith"), maxlength: 60, id: "swap-word", placeholder: plain("swapWith") });
  const swap = make("button", { type: "button", id: "swap" }), undo = make("button", { type: "button", id: "undo" }, say("undo"));
  const around = strip(holder => {
    holder.addEventListener("click", event => { const t = under(event); if (!Number.isNaN(t)) move({ t }); });
    holder.addEventListener("keydown", event => (event.key === "Delete" ? drop.click() : walk(event)));
  });
  const show = answer => {
    edited = answer;
    if (!answer) { result.replaceChildren(lead(say("editNone"))); return; }
    if (answer.running === undefined) {
      const before = look.probabilities[look.target];
      result.replaceChildren(lead(say("editTo", { label: labelled(look.target), before: percent(before, 0), after: percent(answer.probability, 0) })));
      return;
    }
    const { values, figure } = compared(answer, "edit");
    const small = make("p", { class: "reading after", dir: "auto" }), most = Math.max(...answer.contributions.map(Math.abs), 1e-9);
    small.append(...answer.tokens.slice(0, 400).flatMap((word, t) => {
      const span = make("bdi", { class: "token" }, visible(word) || "∅");
      painted(span, answer.contributions[t], most);
      return [span, " "];
    }), answer.tokens.length > 400 ? "…" : "");
    result.replaceChildren(lead(say("editTo", values)), figure, small);
    repaint();
  };
  const run = () => {
    chips.replaceChildren(...edits.map(edit => make("li", {}, say(edit.key, { word: foreign(edit.word), other: foreign(edit.other ?? "") }))));
    undo.hidden = !edits.length;
    remember();
    if (!edits.length) { show(null); return; }
    if (!data.live) {
      const token = edits[0].t;
      const { edits: cuts = {}, without = {} } = story;
      const answer = cuts[token] ?? (token in without ? { probability: without[token] } : null);
      if (answer) show(answer);
      else result.replaceChildren(note("notPrepared"));
      return;
    }
    const text = changedBy(edits);
    answered({ ask: "brief", text, target: look.target }, result, show);
  };
  const add = (kind, key, other) => {
    if (!data.live) edits = [];
    edits = edits.filter(edit => edit.t !== state.t);
    edits.push({ t: state.t, kind, key, word: token(state.t), other, code: `${kind}${state.t}${other === undefined ? "" : `:${other}`}` });
    did("edit");
    run();
  };
  drop.addEventListener("click", () => add("d", "dropped"));
  twice.addEventListener("click", () => add("r", "repeated"));
  swap.addEventListener("click", () => other.value.trim() && add("s", "swapped", other.value.trim()));
  other.addEventListener("keydown", event => event.key === "Enter" && swap.click());
  undo.addEventListener("click", () => { edits = edits.slice(0, -1); run(); });
  watchers.push(() => {
    drop.replaceChildren(say("drop", { word: quoted(state.t) }));
    twice.replaceChildren(say("repeat", { word: quoted(state.t) }));
    swap.replaceChildren(say("swap", { word: quoted(state.t) }));
  });
  painters.push(() => { if (result.childElementCount === 0) run(); });
  return section("edit", note(data.live ? "editNote" : "editNoteFile"), around,
    make("p", { class: "controls" }, drop, ...(data.live ? [twice, swap, other] : []), undo), chips, result);
}
function changedBy(list) {
  let text = look.text;
  for (const edit of [...list].sort((a, b) => b.t - a.t)) {
    const [start, end] = units16(...look.offsets[edit.t]), word = text.slice(start, end);
    const space = edit.kind === "d" && /\s/.test(text[start - 1] ?? "") && /\s/.test(text[end] ?? "") ? 1 : 0;
    const instead = { d: "", r: `${word} ${word}`, s: edit.other }[edit.kind];
    text = text.slice(0, start) + instead + text.slice(end + space);
  }
  return text;
}
function recalledEdits(codes) {
  return codes.split(",").map(code => /^([drs])(\d+)(?::(.*))?$/s.exec(code)).filter(parts => parts && Number(parts[2]) < length() &&
    (parts[1] === "s") === (parts[3] !== undefined)).map(([code, kind, t, other]) => ({ t: Number(t), kind, code, other,
    word: token(Number(t)), key: { d: "dropped", r: "repeated", s: "swapped" }[kind] }));
}

function holding() {
  const result = make("div", { class: "result", "aria-live": "polite" });
  const gate = make("select", { "aria-label": plain("gate"), id: "held-gate" },
    ["", "forget_gate", "input_gate", "output_gate", "candidate"].map(name => make("option", { value: name }, say(name || "heldNone"))));
  const value = data.live ? make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, id: "held-value" }) :
    make("select", { id: "held-value" }, ["0", "0.5", "1"].map(text => make("option", { value: text }, text)));
  set(value, { "aria-label": plain("value") });
  const amount = make("output", {});
  const where = make("select", { "aria-label": plain("unit"), id: "held-unit" });
  const show = answer => {
    held = answer;
    remember();
    if (!answer) { result.replaceChildren(gate.value ? note("notPrepared") : lead(say("heldNothing"))); return; }
    const { values, flips, figure, memory } = compared(answer, "clamp");
    const shown = { ...values, gate: plain(answer.gate), value: number(answer.value, 2, 0) };
    result.replaceChildren(lead(say(flips ? "heldFlips" : "heldStays", shown)), figure, memory);
    repaint();
  };
  const run = () => {
    const silent = gate.value === "candidate";
    value.disabled = silent || !gate.value;
    where.disabled = !gate.value || (!data.live && !silent);
    if (silent && where.value === "") where.selectedIndex = Math.min(1, where.options.length - 1);
    if (!silent && !data.live) where.value = "";
    amount.textContent = gate.value && data.live ? number(silent ? 0 : Number(value.value), 2) : "";
    if (!gate.value) { show(null); return; }
    did("clamp");
    answered({ ask: "clamp", text: look.text, target: look.target, gate: gate.value, value: silent ? 0 : Number(value.value),
      unit: where.value === "" ? null : Number(where.value) }, result, show);
  };
  const hidden = data.hidden, best = look.layers.at(-1).flatMap((own, side) => own.units.slice(0, data.live ? 16 : 4)
    .map(unit => [side * hidden + unit, `${unit}${directions() > 1 ? (side ? "←" : "→") : ""}`]));
  where.append(make("option", { value: "" }, say("allUnits")), ...best.map(([id, text]) => make("option", { value: id }, text)));
  if (held) { gate.value = held.gate; value.value = held.value; where.value = held.unit ?? ""; }
  for (const control of [gate, value, where]) control.addEventListener("change", run);
  value.addEventListener("input", () => { amount.textContent = number(Number(value.value), 2); });
  painters.push(() => { if (result.childElementCount === 0) run(); });
  return section("clamp", note("clampNote"), make("p", { class: "controls" }, make("label", {}, say("gate"), " ", gate),
    make("label", {}, say("value"), " ", value, " ", amount), make("label", {}, say("unit"), " ", where)), result);
}
