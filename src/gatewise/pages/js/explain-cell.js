"use strict";
// One step of one unit with real numbers, all units over time, and what is left in the memory.
const NAMES = ["input_gate", "forget_gate", "candidate", "output_gate"], SHORT = ["i", "f", "g", "o"];

// -- the six equations of one unit, from its float32 parts; null beyond the units whose parts travel --
function unitSteps(row) {
  const own = direction(), best = own.bias.length / 4;
  if (row >= best) return null;
  own.steps ??= new Map();
  if (own.steps.has(row)) return own.steps.get(row);
  const [input, recurrent] = [unpack(own.from_input), unpack(own.from_state)], steps = [];
  let c = 0;
  const order = indices(0, length());
  for (const t of state.side ? order.reverse() : order) {
    const parts = NAMES.map((_, gate) => [input, recurrent].map(array => array.at(gate * best + row, t)));
    const bias = NAMES.map((_, gate) => own.bias[gate * best + row]);
    const z = parts.map(([wx, uh], gate) => wx + uh + bias[gate]);
    const [i, f, o] = [logistic(z[0]), logistic(z[1]), logistic(z[3])], g = Math.tanh(z[2]), before = c;
    c = f * before + i * g;
    steps[t] = { parts, bias, z, i, f, g, o, before, c, h: o * Math.tanh(c) };
  }
  own.steps.set(row, steps);
  return steps;
}
const three = value => number(value, 3).replace("-", "−");
const bracket = value => (value < 0 ? `(${three(value)})` : three(value));
function formula(name, step) {
  const gate = SHORT.indexOf(name);
  if (gate >= 0) {
    const [wx, uh] = step.parts[gate], squash = name === "g" ? "tanh" : "σ";
    return [`${name} = ${squash}(W${name}·x + U${name}·h′ + b${name})`,
      `= ${squash}(${three(wx)} + ${bracket(uh)} + ${bracket(step.bias[gate])})`,
      `= ${squash}(${three(step.z[gate])}) = ${three(step[name])}`];
  }
  return {
    before: ["c′", `= ${three(step.before)}`],
    c: ["c = f × c′ + i × g", `= ${three(step.f)} × ${bracket(step.before)} + ${three(step.i)} × ${bracket(step.g)}`,
      `= ${three(step.f * step.before)} + ${bracket(step.i * step.g)} = ${three(step.c)}`],
    h: ["h = o × tanh(c)", `= ${three(step.o)} × tanh(${three(step.c)})`,
      `= ${three(step.o)} × ${bracket(Math.tanh(step.c))} = ${three(step.h)}`],
  }[name];
}

// The diagram everybody has seen, with this step's numbers in it.
function diagram(values, choose, chosen) {
  const svg = shape("svg", { viewBox: "0 0 400 232", class: "cell", role: "group", "aria-label": plain("cell") });
  const wire = path => svg.append(shape("path", { d: path, class: "wire" }));
  const across = { f: 92, i: 159, g: 223, o: 292 }, sign = (x, y, text, half = 10) => svg.append(
    shape("rect", { x: x - half, y: y - 10, width: 2 * half, height: 20, rx: 10, class: "sign" }), label(x, y + 4, text, "middle", "small"));
  ["M4 34H396", "M92 163V34", "M159 163V96H191", "M223 163V96H191V34", "M340 34V152H366V163", "M292 163V122H340",
    ...Object.values(across).map(x => `M${x} 222V196`), "M4 222H292"].forEach(wire);
  sign(92, 34, "×"); sign(191, 34, "+"); sign(191, 96, "×"); sign(340, 122, "×"); sign(340, 74, "tanh", 20);
  svg.append(label(4, 216, "x, h′", "start", "small"));
  const value = (name, x, y, text, title) => {
    const box = shape("g", { tabindex: 0, role: "button", class: `value ${name}${chosen === name ? " on" : ""}`, "data-name": name,
      "aria-label": `${plain(title)} ${text}`, "aria-pressed": chosen === name },
    shape("rect", { x: x - 29, y: y - 17, width: 58, height: 34, rx: 5 }),
    label(x, y - 3, { before: "c′" }[name] ?? name, "middle", "small"), label(x, y + 12, text, "middle", "number"));
    const act = () => choose(name);
    box.addEventListener("click", act);
    box.addEventListener("keydown", event => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); }
      if (event.key === "Escape") { event.preventDefault(); choose(null); }
    });
    svg.append(box);
  };
  const titles = { f: "forget_gate", i: "input_gate", g: "candidate", o: "output_gate" };
  for (const name of ["f", "i", "g", "o"]) value(name, across[name], 180, values[name], titles[name]);
  value("before", 34, 34, values.before, "beforeState");
  value("c", 265, 34, values.c, "cell_states");
  value("h", 366, 180, values.h, "states");
  return svg;
}

function cellView() {
  let name = "c";
  const holder = make("div", { class: "diagram" }), panel = make("div", { class: "formula", "aria-live": "polite" });
  const conclusion = lead(""), list = make("ol", { class: "equations" }), remark = make("p", { class: "note" });
  const choose = chosen => {
    name = chosen;
    if (chosen) did("cell");
    draw();
    if (chosen) holder.querySelector(`[data-name=${chosen}]`).focus();
  };
  const draw = () => {
    const steps = unitSteps(state.row), { t } = state;
    const rough = key => quantity(key, state.row, t);
    const step = steps?.[t] ?? { i: rough("input_gate"), f: rough("forget_gate"), g: rough("candidate"), o: rough("output_gate"),
      c: rough("cell_states"), h: rough("states"), before: quantityBefore(state.row, t) };
    const written = step.i * step.g, unit = unitName(state.row);
    conclusion.replaceChildren(say("cellKept", { word: quoted(t), unit, kept: percent(step.f, 0), written: signed(written),
      before: three(step.before), after: three(step.c) }));
    const digits = steps ? three : value => `≈${number(value, 2)}`;
    const values = Object.fromEntries(["i", "f", "g", "o", "before", "c", "h"].map(key => [key, digits(step[key])]));
    holder.replaceChildren(diagram(values, choose, steps && name));
    panel.replaceChildren(...(!steps ? [say("noArithmetic", { n: number(direction().bias.length / 4) })] : name ?
      formula(name, step).map(row => make("code", {}, row)) : [say("chooseNumber")]));
    list.replaceChildren(...(steps ? ["i", "f", "g", "o", "c", "h"].map(key => {
      const button = make("button", { type: "button", class: `term ${key}`, "aria-pressed": key === name },
        make("code", {}, formula(key, step)[0]), make("strong", {}, three(step[key])));
      button.addEventListener("click", () => { choose(key); list.querySelector(`.${key}`).focus(); });
      return make("li", {}, button);
    }) : []));
    remark.replaceChildren(say("cellNote", { unit, rank: number(state.row + 1) }));
  };
  watchers.push(draw);
  return section("cell", conclusion, unitChooser(), make("div", { class: "bench" }, holder, make("div", {}, list, panel)), remark);
}
const quantityBefore = (row, t) => {
  const earlier = state.side ? t + 1 : t - 1;
  return earlier < 0 || earlier >= length() ? 0 : quantity("cell_states", row, earlier);
};
function unitChooser() {
  const choice = make("select", { "aria-label": plain("unit"), class: "units" });
  const side = make("select", { "aria-label": plain("direction"), class: "sides" },
    indices(0, directions()).map(index => make("option", { value: index }, say(index ? "backward" : "forward"))));
  choice.addEventListener("change", () => move({ row: Number(choice.value) }));
  side.addEventListener("change", () => move({ side: Number(side.value), row: 0 }, "forget"));
  let filled = -1;
  watchers.push(() => {
    if (filled !== state.side) {
      filled = state.side;
      choice.replaceChildren(...direction().units.map((unit, row) => make("option", { value: row }, scored(row))));
    }
    choice.value = state.row;
    side.value = state.side;
  });
  return make("p", { class: "controls" }, make("label", {}, say("unit"), " ", choice),
    directions() > 1 ? make("label", {}, say("direction"), " ", side) : []);
}
const scored = row => {
  const score = direction().separation[row];
  return known(score) ? plain("unitScored", { unit: unitName(row), score: percent(Math.max(score, 1 - score), 0) }) : unitName(row);
};

// -- gates: strips of means and of one unit, and all units over time --
function gates() {
  const conclusion = lead(""), GATES3 = ["forget_gate", "input_gate", "output_gate"];
  const means = name => indices(0, length()).map(t => unpack(direction().means[name]).at(0, t));
  const unit = name => indices(0, length()).map(t => quantity(name, state.row, t));
  let series = [], forget = [];
  const gather = () => {
    forget = means("forget_gate");
    series = [...GATES3.map(name => ({ key: name, kind: `${name} mean`, values: name === "forget_gate" ? forget : means(name) })),
      ...GATES3.map(name => ({ key: name, kind: name, values: unit(name) }))];
    const least = largest(indices(0, length()), t => -forget[t]), average = sum(forget) / length();
    conclusion.replaceChildren(say("gatesLowest", { word: quoted(least), f: percent(forget[least], 0), lost: percent(1 - forget[least], 0),
      average: percent(average, 0), life: number(Math.log(0.5) / Math.log(Math.min(average, 0.9999)), 1) }));
  };
  gather();
  const strips = overText(plain("gates"), {
    series: () => series, low: 0, high: 1, write: value => number(value, 1), act: "gates",
    caption: [...GATES3.map(name => make("span", { class: `key ${name}` }, say(name))), make("span", { class: "key mean" }, say("faint"))],
    readout: t => [place(t), `${plain("unit")} ${unitName(state.row)}`, ...series.slice(3).map(({ key, values }, index) =>
      `${plain(key)} ${number(values[t], 2)} (${plain("mean")} ${number(series[index].values[t], 2)})`)].join(" · "),
  });
  let drawn = "";
  watchers.push(() => {
    const key = `${state.side} ${state.row}`;
    if (key !== drawn) { drawn = key; gather(); repaint(); }
  });
  const choice = make("select", { "aria-label": plain("quantity") },
    Object.keys(quantities).map(name => make("option", { value: name }, say(name))));
  choice.value = state.quantity;
  choice.addEventListener("change", () => move({ quantity: choice.value }, choice.value === "forget_gate" ? "forget" : undefined));
  const sentence = lead("");
  watchers.push(() => {
    const score = direction().separation[state.row];
    sentence.replaceChildren(known(score) ?
      say("unitAlone", { unit: unitName(state.row), share: percent(Math.max(score, 1 - score), 0) }) :
      say("unitUnmeasured", { unit: unitName(state.row) }));
  });
  return section("gates", conclusion, strips, sentence, make("p", { class: "controls" },
    make("label", {}, say("quantity"), " ", choice)), heatMap(), note("heatNote", { n: number(direction().units.length) }));
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = name => style.getPropertyValue(name).trim().match(/\w\w?/g).map(part => parseInt(part.padStart(2, part), 16));
  return { paper: read("--heat"), plus: read("--plus"), minus: read("--minus"), gate: read("--gate") };
}
function heatMap() {
  const canvas = make("canvas", { class: "heat" }), cursor = make("div", { class: "crossing" }), band = make("div", { class: "band" });
  const frame = make("div", { class: "frame", tabindex: 0, role: "grid", "aria-label": plain("heat") }, canvas, band, cursor);
  const readout = make("p", { class: "readout live" }), scale = make("p", { class: "legend" });
  let drawn = "";
  const paint = () => {
    const [from, to] = shown(), own = direction(), rows = own.units.length, columns = to - from, { quantity: name } = state;
    const bounds = quantities[name];
    let most = bounds ? bounds[1] : 1e-9;
    if (!bounds) for (let row = 0; row < rows; row += 1) for (let t = from; t < to; t += 1) most = Math.max(most, Math.abs(quantity(name, row, t)));
    if (!bounds) most = Math.min(most, 3);
    set(canvas, { width: columns, height: rows });
    const image = new ImageData(columns, rows), palette = colours();
    for (let row = 0; row < rows; row += 1) {
      for (let t = from; t < to; t += 1) {
        const value = Math.max(-1, Math.min(1, quantity(name, row, t) / most));
        const end = bounds && bounds[0] === 0 ? palette.gate : value < 0 ? palette.minus : palette.plus, strength = Math.abs(value);
        const start = (row * columns + t - from) * 4;
        for (let part = 0; part < 3; part += 1) {
          image.data[start + part] = palette.paper[part] + (end[part] - palette.paper[part]) * strength;
        }
        image.data[start + 3] = 255;
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    frame.style.height = `${Math.max(120, Math.min(384, rows * 3))}px`;
    const gate = bounds && bounds[0] === 0;
    scale.replaceChildren(make("span", { class: gate ? "swatch none" : "swatch minus" }, gate ? "0" : number(-most, 1)),
      gate ? [] : make("span", { class: "swatch none" }, "0"),
      make("span", { class: gate ? "swatch gate" : "swatch plus" }, number(most, gate ? 0 : 1)), make("span", {}, say(name)));
  };
  const mark = () => {
    const key = [state.side, state.quantity, shown()[0], matchMedia("(prefers-color-scheme: dark)").matches].join();
    if (key !== drawn) { drawn = key; paint(); }
    const [from, to] = shown(), rows = direction().units.length;
    cursor.style.left = `${(state.t - from) / (to - from) * 100}%`;
    cursor.style.width = `${100 / (to - from)}%`;
    band.style.top = `${state.row / rows * 100}%`;
    band.style.height = `${100 / rows}%`;
    readout.textContent = plain("heatReadout", { unit: scored(state.row), place: place(state.t), name: plain(state.quantity),
      value: number(quantity(state.quantity, state.row, state.t), 2) });
  };
  frame.addEventListener("pointerdown", event => {
    const box = canvas.getBoundingClientRect(), [from, to] = shown(), rows = direction().units.length;
    const part = (value, start, size, count) => Math.max(0, Math.min(count - 1, Math.floor((value - start) / size * count)));
    move({ t: from + part(event.clientX, box.left, box.width, to - from), row: part(event.clientY, box.top, box.height, rows) }, "gates");
  });
  frame.addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return walk(event, "gates");
    event.preventDefault();
    return move({ row: Math.max(0, Math.min(direction().units.length - 1, state.row + step)) }, "gates");
  });
  painters.push(mark);
  watchers.push(mark);
  return make("div", { class: "map" }, frame, readout, scale);
}

// -- the belt: what of each word is left in the cells --
function belt() {
  const holder = make("div", { class: "belt" }), conclusion = lead("");
  const back = make("button", { type: "button" }, say("stepBack")), on = make("button", { type: "button", id: "step-on" }, say("stepOn"));
  const reading = () => (state.side ? -1 : 1);
  back.addEventListener("click", () => move({ t: state.t - reading() }, "belt"));
  on.addEventListener("click", () => move({ t: state.t + reading() }, "belt"));
  const draw = () => {
    const own = direction(), alive = unpack(own.alive), older = unpack(own.older), width = own.alive.shape[1];
    const step = state.side ? length() - 1 - state.t : state.t;  // steps read so far
    const at = steps => (state.side ? state.t + steps : state.t - steps);  // the token read so many steps ago
    const left = age => alive.at(step, age), wrote = age => alive.at(step - age, 0);
    const ages = indices(0, Math.min(width, step + 1));
    const living = ages.filter(age => left(age) > wrote(age) / 2).length, total = sum(ages.map(left)) + older.at(0, step);
    const oldest = Math.min(step, width - 1), shares = ages.map(age => left(age) / Math.max(total, 1e-9));
    const strongest = largest(ages, left);
    conclusion.replaceChildren(say("beltLiving", { word: quoted(state.t), living: number(living), n: number(step + 1),
      strongest: quoted(at(strongest)), share: percent(shares[strongest], 0), first: quoted(at(oldest)),
      left: percent(left(oldest) / Math.max(wrote(oldest), 1e-9), 0) }));
    const count = Math.max(4, Math.min(24, Math.floor((holder.clientWidth || 640) / 42))), seen = ages.slice(0, count);
    const most = Math.max(...seen.map(wrote), 1e-9), rest = sum(ages.slice(count).map(left)) + older.at(0, step);
    const box = (title, before, now, gone, t) => {
      const full = make("span", { class: "wrote" }), kept = make("span", { class: gone ? "kept gone" : "kept" });
      full.style.height = `${Math.min(1, before / most) * 100}%`;
      kept.style.height = `${Math.min(1, now / most) * 100}%`;
      const item = make("li", { class: t === state.t ? "here" : "" }, make("span", { class: "crate" }, full, kept),
        make("span", { class: "share" }, before ? percent(Math.min(now / before, 1), 0) : number(now, 1)), make("span", { class: "word" }, title));
      if (t !== undefined) item.addEventListener("click", () => move({ t }, "belt"));
      return item;
    };
    const items = seen.map(age => box(quoted(at(age)), wrote(age), left(age), left(age) < wrote(age) / 10, at(age)));
    if (step + 1 > count) items.push(box(say("beltOlder", { n: number(step + 1 - count) }), 0, rest));
    holder.replaceChildren(make("ol", {}, items.reverse()));
    back.disabled = step === 0;
    on.disabled = step === length() - 1;
  };
  painters.push(draw);
  watchers.push(draw);
  return section("belt", conclusion, make("p", { class: "controls" }, back, on), holder, note(state.side ? "beltNoteBackward" : "beltNote"));
}
