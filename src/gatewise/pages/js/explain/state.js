const state = (({ unpack, inside, slicer, known }, { data, spoken, percent, plain, visible, number }, { foreign, repaint }) => {
  // Where the reader stands in which text, who watches that, and the link that restores it.
  const LONGEST = 1000;  // tokens shown at once
  const view = {
    look: null,  // the text as it was first read
    cut: null,  // gives a piece of it by Python's offsets
    t: 0, side: 0, row: 0, method: "", quantity: "cell_states", from: -1, to: -1, card: 0,
    open: new Set(),  // the folded sections that are open
    edits: null,  // changes of the text, each {code, kind, t, word, other}; null until there was one
    held: undefined,  // the gate that is held, {gate, value, unit}, null for none; undefined until one was chosen
  };

  // -- the text and the cells of its top layer --
  const token = t => view.look.tokens[t];
  const length = () => view.look.tokens.length;
  const quoted = t => foreign(token(t).trim() ? token(t) : "·");
  const place = t => `${number(t + 1)} ${visible(token(t))}`;
  const labelled = index => foreign(view.look.labels[index]);
  const direction = () => view.look.layers.at(-1)[view.side];
  const directions = () => view.look.layers.at(-1).length;
  const arrowed = (unit, side) => `${unit}${directions() > 1 ? (side ? "←" : "→") : ""}`;
  const unitName = row => arrowed(direction().units[row], view.side);
  const unitScored = row => {
    const score = direction().figures.separates[row];
    return known(score) ? plain("unitScored", { unit: unitName(row), score: percent(score, 0) }) : unitName(row);
  };
  const bounds = {
    input_gate: [0, 1], forget_gate: [0, 1], output_gate: [0, 1], candidate: [-1, 1], cell_states: null, states: [-1, 1],
  };
  function quantity(name, row, t) {
    const { cell_states: cells, gates } = direction();
    if (name === "cell_states") return unpack(cells).at(row, t);
    if (name === "states") return unpack(gates.output_gate).at(row, t) * Math.tanh(unpack(cells).at(row, t));
    return unpack(gates[name]).at(row, t);
  }

  // At most LONGEST tokens around the reader are drawn.
  function shown() {
    if (length() <= LONGEST) return [0, length()];
    const from = inside(Math.floor(view.t / (LONGEST / 2)) * (LONGEST / 2) - LONGEST / 4, 0, length() - LONGEST);
    return [from, from + LONGEST];
  }

  // -- moving --
  let watchers = [], doers = [], pending = false;
  const watch = watcher => { watchers.push(watcher); };  // called when the reader has moved
  const whenDone = doer => { doers.push(doer); };  // called with the name of what the reader did
  const did = act => doers.forEach(doer => doer(act));
  const forget = () => { [watchers, doers] = [[], []]; };
  const watched = () => watchers.forEach(watcher => watcher());
  function move(change, act) {
    const before = shown()[0];
    Object.assign(view, change);
    view.t = inside(view.t, 0, length() - 1);
    if (act) did(act);
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      if (shown()[0] !== before) repaint();
      watched();
      remember();
    });
  }
  function walk(event, act) {
    const { t } = view;
    const moves = { ArrowRight: t + 1, ArrowLeft: t - 1, Home: 0, End: length() - 1, PageDown: t + 10, PageUp: t - 10 };
    if (!(event.key in moves) || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move({ t: moves[event.key] }, act);
  }

  // -- the link --
  const KEPT = { t: Number, side: Number, row: Number, method: String, quantity: String, from: Number, to: Number, card: Number };
  function remember() {
    const { edits, held } = view, parts = Object.keys(KEPT).map(key => [key, view[key]]);
    parts.push(["lang", spoken()], ["open", [...view.open].join(",")]);
    if (edits?.length) parts.push(["edits", edits.map(edit => edit.code).join(",")]);
    if (held) parts.push(["held", [held.gate, held.value, held.unit ?? ""].join(",")]);
    if (data.live) parts.push(["text", view.look.text]);
    const hash = parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
    try { history.replaceState(null, "", `#${hash}`); } catch { location.hash = hash; }
  }
  function recalled() {
    const kept = {};
    for (const part of location.hash.slice(1).split("&")) {
      const [key, value] = part.split("=");
      try { if (value !== undefined) kept[key] = decodeURIComponent(value); } catch { /* a damaged link: the part is left out */ }
    }
    return kept;
  }
  // Take up a text, and in it the place that a link names; what it does not name begins with an example.
  function enter(look, kept) {
    const [strongest] = look.shares.figures.order, [from, to] = (data.story ?? look).figures?.phrase ?? [-1, -1];
    Object.assign(view, { look, cut: slicer(look.text), t: strongest, edits: null, held: undefined, from: -1, to: -1 });
    for (const [key, kind] of Object.entries(KEPT)) {
      if (key in kept && (kind === String || Number.isInteger(Number(kept[key])))) view[key] = kind(kept[key]);
    }
    view.t = inside(view.t, 0, length() - 1);
    view.side = inside(view.side, 0, directions() - 1);
    view.row = inside(view.row, 0, direction().units.length - 1);
    if (!(view.quantity in bounds)) view.quantity = "cell_states";
    if (!(view.from >= 0 && view.to > view.from && view.to <= length())) Object.assign(view, { from, to });
    if (!data.methods.includes(view.method)) view.method = look.shares.method;
    if (kept.open !== undefined) view.open = new Set(kept.open.split(","));
    if (kept.edits) view.edits = recalledEdits(kept.edits);
    if (kept.held) {
      const [gate, value, unit] = kept.held.split(",");
      view.held = { gate, value: Number(value), unit: unit === "" || unit === undefined ? null : Number(unit) };
    }
  }
  const edit = (kind, t, other) => ({ kind, t, other, word: token(t), code: `${kind}${t}${other === undefined ? "" : `:${other}`}` });
  const recalledEdits = codes => codes.split(",").map(code => /^([drs])(\d+)(?::(.*))?$/s.exec(code)).filter(parts => parts &&
    Number(parts[2]) < length() && (parts[1] === "s") === (parts[3] !== undefined))
    .map(([, kind, t, other]) => edit(kind, Number(t), other));

  return { LONGEST, view, token, length, quoted, place, labelled, direction, directions, arrowed, unitName, unitScored, bounds, quantity,
    shown, watch, whenDone, did, forget, watched, move, walk, remember, recalled, enter, edit };
})(numbers, words, draw);
