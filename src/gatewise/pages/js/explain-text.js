"use strict";
// The text, the reader's place in it, the verdict and how it came about token by token.

// -- curves over the text or over anything else that goes from left to right --
const LEFT = 46, RIGHT = 14;
function curves(name, { series, low, high, write = percent, at = shown, caption, pick, marks = [], readout, axis = "tokenAxis" }) {
  const [from, to] = at();
  return chart(name, (svg, width) => {
    const [first, end] = at === shown ? shown() : [from, to];
    const box = { left: LEFT, right: width - RIGHT, top: 10, bottom: 10 + Math.min(190, Math.max(120, width * 0.24)) };
    const x = t => box.left + (t - first + 0.5) / (end - first) * (box.right - box.left);
    const scale = ticks(low, high, 4), [bottom, top] = [Math.min(low, scale.values[0]), Math.max(high, scale.values.at(-1))];
    const y = value => box.bottom - (value - bottom) / (top - bottom) * (box.bottom - box.top);
    for (const value of scale.values) {
      svg.append(line(box.left, y(value), box.right, y(value), "grid"));
      svg.append(shape("text", { x: box.left - 8, y: y(value) + 4, "text-anchor": "end" }, write(value, scale.digits)));
    }
    const each = typeof axis === "function" && width > 560, stops = each ? indices(first, end) : [first, end - 1];
    const named = typeof axis === "function" ? axis : t => (t === end - 1 ? `${plain(axis)} ${number(end)}` : number(t + 1));
    for (const t of stops) svg.append(label(each ? x(t) : t === first ? box.left : box.right, box.bottom + 18, named(t),
      each ? "middle" : t === first ? "start" : "end"));
    for (const { values, kind } of typeof series === "function" ? series() : series) {
      const places = indices(first, Math.min(end, values.length)).map(t => `${x(t).toFixed(1)} ${y(values[t]).toFixed(1)}`);
      svg.append(shape("path", { d: `M${places.join("L")}`, class: `curve ${kind}` }));
      if (places.length === 1) svg.append(shape("circle", { cx: x(first), cy: y(values[first]), r: 3, class: `spot ${kind}` }));
    }
    for (const { t, value } of marks) {
      if (t >= first && t < end) svg.append(shape("circle", { cx: x(t), cy: y(value), r: 5, class: "dot" }));
    }
    const wide = Math.max(1.5, x(first + 1) - x(first));
    return [box.bottom + 26, indices(first, end).map(t => ({
      x: x(t) - wide / 2, y: box.top, width: wide, height: box.bottom - box.top, text: readout(t),
    }))];
  }, caption ?? series.map(({ key, kind }) => make("span", { class: `key ${kind}` }, say(key))),
  index => pick && pick(index + (at === shown ? shown()[0] : from)));
}
// A chart over the text: a click goes to the token, and the reader's place is marked.
function overText(name, options) {
  const figure = curves(name, { ...options, pick: t => move({ t }, options.act) });
  watchers.push(() => figure.go(state.t - shown()[0]));
  return figure;
}
const place = t => `${number(t + 1)} ${visible(token(t))}`;

// -- the text --
const shareClass = share => (share >= 0 ? "for" : "against");
function painted(element, share, most) {
  element.classList.remove("for", "against");
  element.classList.add(shareClass(share));
  element.style.setProperty("--share", most ? Math.min(1, Math.sqrt(Math.abs(share) / most)) : 0);
}
function textView() {
  const paragraph = make("p", { class: "reading", dir: "auto", tabindex: 0, role: "group" });
  let spans = [], first = -1;
  const fill = () => {
    const [from, to] = shown();
    if (from === first) return;
    const most = Math.max(...look.shares.contributions.map(Math.abs));
    first = from;
    let end = from ? look.offsets[from - 1][1] : 0;
    const content = from || !look.tokens.length ? [make("span", { class: "more" }, "… ")] : [];
    spans = indices(from, to).map(t => {
      const [start, stop] = look.offsets[t];
      if (start > end) content.push(start - end > 400 ? " … " : visible(look.text.slice(...units16(end, start))));
      const span = make("bdi", { class: look.known[t] ? "token" : "token unknown", "data-t": t }, visible(token(t) || "∅"));
      painted(span, look.shares.contributions[t], most);
      content.push(span);
      end = Math.max(end, stop);
      return span;
    });
    if (to < length()) content.push(" …");
    paragraph.replaceChildren(...content);
    set(paragraph, { "aria-label": plain("textLabel") });
  };
  fill();
  paragraph.addEventListener("click", event => {
    const chosen = event.target.closest("[data-t]");
    if (chosen) move({ t: Number(chosen.dataset.t) }, "verdict");
  });
  paragraph.addEventListener("keydown", event => walk(event, "verdict"));
  painters.push(fill);
  watchers.push(() => {
    paragraph.querySelector(".here")?.classList.remove("here");
    spans[state.t - first]?.classList.add("here");
  });
  return paragraph;
}
// Offsets count characters as Python does; JavaScript counts the halves of those beyond U+FFFF as well.
let halves = null;
function units16(start, end) {
  if (halves?.text !== look.text) {
    const places = [0];
    for (const sign of look.text) places.push(places.at(-1) + sign.length);
    halves = { text: look.text, places };
  }
  return [halves.places[start], halves.places[end]];
}
function walk(event, act) {
  const moves = { ArrowRight: state.t + 1, ArrowLeft: state.t - 1, Home: 0, End: length() - 1, PageDown: state.t + 10,
    PageUp: state.t - 10 };
  if (!(event.key in moves) || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  move({ t: moves[event.key] }, act);
}

function reader() {
  const slider = make("input", { type: "range", min: 0, max: length() - 1, step: 1, "aria-label": plain("position") });
  const here = make("output", { class: "where", id: "where" });
  const play = make("button", { type: "button", id: "play" });
  let timer = null, moved = 0;
  const playing = on => {
    clearInterval(timer);
    timer = on ? setInterval(() => {
      if (!play.isConnected || state.t >= length() - 1) return playing(false);
      return move({ t: state.t + 1 }, "slider");
    }, 250) : null;
    play.replaceChildren(say(on ? "pause" : "play"));
  };
  play.addEventListener("click", () => {
    if (!timer && state.t >= length() - 1) move({ t: 0 });
    playing(!timer);
  });
  slider.addEventListener("input", () => { moved += 1; move({ t: Number(slider.value) }, moved > 2 ? "slider" : undefined); });
  playing(false);
  watchers.push(() => {
    slider.value = state.t;
    set(slider, { "aria-valuetext": plain("positionText", { t: number(state.t + 1), n: number(length()), word: token(state.t) }) });
    here.replaceChildren(say("positionText", { t: number(state.t + 1), n: number(length()), word: quoted(state.t) }), " ",
      make("strong", {}, percent(look.running[state.t], 0)), " ", labelled(look.target));
  });
  return make("div", { class: "reader" }, play, slider, here);
}

// -- verdict --
function verdict() {
  const { contributions, bias, logit } = look.shares, total = sum(contributions.map(Math.abs));
  const ordered = indices(0, length()).sort((a, b) => Math.abs(contributions[b]) - Math.abs(contributions[a]));
  let count = 0;
  for (let reached = 0; count < length() && reached < total / 2; count += 1) reached += Math.abs(contributions[ordered[count]]);
  const top = ordered[0], known = sum(look.known);
  const values = { count: number(count), n: number(length()), word: quoted(top), share: signed(contributions[top]),
    label: labelled(look.target), logit: signed(logit), bias: signed(bias) };
  const strongest = say(contributions[top] >= 0 ? "verdictFor" : "verdictAgainst", values);
  const warning = !look.text.trim() ? "emptyText" : !known ? "allUnknown" : length() === 1 ? "oneToken" : null;
  return section("verdict", lead(warning ? say(warning) : strongest), textView(),
    make("p", { class: "legend" }, make("span", { class: "swatch for" }, say("towards", { label: labelled(look.target) })),
      make("span", { class: "swatch against" }, say("awayFrom", { label: labelled(look.target) })),
      known < length() ? make("span", { class: "swatch unknown" }, say("unknownWord", { n: number(length() - known) })) : []));
}

function running() {
  const { running: values, read } = look, last = values.length - 1;
  const decided = indices(0, values.length).findLast(t => values[t] < 0.5 !== values[last] < 0.5);
  const start = decided === undefined ? 0 : decided + 1;
  const change = k => values[read[k]] - values[read[k - 1]];
  const jumps = indices(1, read.length).sort((a, b) => Math.abs(change(b)) - Math.abs(change(a)));
  const lowest = Math.min(...values.slice(start)), [from, to] = [read[jumps[0] - 1], read[jumps[0]]];
  const conclusion = length() < 2 ? say("runningOne", { p: percent(values[0]) }) : [
    say("runningDecided", { t: number(start + 1), word: quoted(start), low: percent(lowest, 0), label: labelled(look.target) }), " ",
    say(to - from === 1 ? "runningJump" : "runningJumpWithin", {
      word: quoted(to), first: quoted(from + 1), change: signed(100 * change(jumps[0]), 0) })];
  return section("running", lead(conclusion), note("runningNote"),
    read.length < values.length ? note("runningRead", { read: number(read.length), n: number(values.length) }) : [],
    overText(plain("running"), {
      series: [{ key: "runningKey", kind: "probability", values }], low: 0, high: 1, act: "slider",
      write: value => percent(value, 0), marks: jumps.slice(0, 3).map(k => ({ t: read[k], value: values[read[k]] })),
      caption: make("span", { class: "key probability" }, say("runningKey", { label: labelled(look.target) })),
      readout: t => plain("runningReadout", { place: place(t), p: percent(values[t]) }),
    }));
}
