const cell = (({ unpack, indices, cellSteps }, { number, percent, signed, exact, plain, say }, { make, shape, label, button, lead },
  { view, length, quoted, direction, directions, unitName, unitScored, quantity, watch, move, did }, { first }) => {
  // One step of one unit with real numbers: the diagram, and each of the six equations filled in.
  const GATES = { i: "input_gate", f: "forget_gate", g: "candidate", o: "output_gate" }, SHORT = Object.keys(GATES);

  // The six equations of one unit, from its float32 parts; null beyond the units whose parts travel.
  const worked = new WeakMap();
  function unitSteps(row) {
    const own = direction(), count = own.bias.length / 4;
    if (row >= count) return null;
    if (!worked.has(own)) worked.set(own, new Map());
    const steps = worked.get(own), [input, recurrent] = [unpack(own.from_input), unpack(own.from_state)];
    if (!steps.has(row)) {
      const part = array => (gate, t) => array.at(gate * count + row, t);
      steps.set(row, cellSteps(part(input), part(recurrent), SHORT.map((_, gate) => own.bias[gate * count + row]), length(), view.side === 1));
    }
    return steps.get(row);
  }
  // The same from the rounded values that travel for every unit.
  function roughStep(row, t) {
    const earlier = view.side ? t + 1 : t - 1, [i, f, g, o] = SHORT.map(name => quantity(GATES[name], row, t));
    return { i, f, g, o, c: quantity("cell_states", row, t), h: quantity("states", row, t),
      before: earlier < 0 || earlier >= length() ? 0 : quantity("cell_states", row, earlier) };
  }

  const bracket = value => (value < 0 ? `(${exact(value)})` : exact(value));
  function formula(name, step) {
    const gate = SHORT.indexOf(name);
    if (gate >= 0) {
      const [wx, uh] = step.parts[gate], squash = name === "g" ? "tanh" : "σ";
      return [`${name} = ${squash}(W${name}·x + U${name}·h′ + b${name})`,
        `= ${squash}(${exact(wx)} + ${bracket(uh)} + ${bracket(step.bias[gate])})`,
        `= ${squash}(${exact(step.z[gate])}) = ${exact(step[name])}`];
    }
    return {
      before: ["c′", `= ${exact(step.before)}`],
      c: ["c = f × c′ + i × g", `= ${exact(step.f)} × ${bracket(step.before)} + ${exact(step.i)} × ${bracket(step.g)}`,
        `= ${exact(step.f * step.before)} + ${bracket(step.i * step.g)} = ${exact(step.c)}`],
      h: ["h = o × tanh(c)", `= ${exact(step.o)} × tanh(${exact(step.c)})`,
        `= ${exact(step.o)} × ${bracket(Math.tanh(step.c))} = ${exact(step.h)}`],
    }[name];
  }

  // The diagram everybody has seen, with this step's numbers in it.
  const PLACES = { f: [92, 190], i: [158, 190], g: [226, 190], o: [294, 190], before: [34, 34], c: [265, 34], h: [366, 190] };
  const KINDS = { ...GATES, before: "memory", c: "memory", h: "memory" };
  function diagram(values, choose, chosen) {
    const svg = shape("svg", { viewBox: "0 0 400 246", class: "cell", role: "group", "aria-label": plain("cell") });
    const wire = path => svg.append(shape("path", { d: path, class: "wire" }));
    const sign = (x, y, text, half = 10) => svg.append(
      shape("rect", { x: x - half, y: y - 10, width: 2 * half, height: 20, rx: 10, class: "sign" }), label(x, y + 4, text, "middle", "small"));
    ["M4 34H396", "M92 163V34", "M158 163V96H192", "M226 163V96H192V34", "M340 34V152H366V163", "M294 163V122H340",
      ...SHORT.map(name => `M${PLACES[name][0]} 238V216`), "M4 238H294"].forEach(wire);
    sign(92, 34, "×"); sign(192, 34, "+"); sign(192, 96, "×"); sign(340, 122, "×"); sign(340, 74, "tanh", 20);
    svg.append(label(4, 231, "x, h′", "start", "small"));
    for (const [name, [x, y]] of Object.entries(PLACES)) {
      const text = values[name], [above, below] = plain(`drawn_${name}`).split("\n"), half = name === "g" ? 33 : 29;
      const box = shape("g", { tabindex: 0, role: "button", class: `value ${KINDS[name]}${chosen === name ? " on" : ""}`, "data-name": name,
        "aria-label": `${plain(GATES[name] ?? { before: "beforeState", c: "cell_states", h: "states" }[name])} ${text}`,
        "aria-pressed": chosen === name },
      shape("rect", { x: x - half, y: y - 27, width: 2 * half, height: 54, rx: 5 }), label(x, y - 13, above, "middle", "small name"),
      label(x, y + 1, below, "middle", "small name"), label(x, y + 18, text, "middle", "number"));
      box.addEventListener("click", () => choose(name));
      box.addEventListener("keydown", event => {
        const act = { Enter: name, " ": name, Escape: null }[event.key];
        if (act === undefined) return;
        event.preventDefault();
        choose(act);
      });
      svg.append(box);
    }
    return svg;
  }

  function cell() {
    let name = "c";
    const holder = make("div", { class: "diagram" }), panel = make("div", { class: "formula", "aria-live": "polite" });
    const conclusion = lead(), list = make("ol", { class: "equations" }), remark = make("p", { class: "note" });
    const choose = chosen => {
      name = chosen;
      if (chosen) did("cell");
      draw();
      if (chosen) holder.querySelector(`[data-name=${chosen}]`).focus();
    };
    const draw = () => {
      const { row, t } = view, steps = unitSteps(row), step = steps?.[t] ?? roughStep(row, t), unit = unitName(row);
      conclusion.replaceChildren(say("cellKept", { word: quoted(t), unit, kept: percent(step.f, 0), written: signed(step.i * step.g),
        before: exact(step.before), after: exact(step.c) }));
      const digits = steps ? exact : value => `≈${number(value, 2)}`;
      const values = Object.fromEntries(Object.keys(PLACES).map(key => [key, digits(step[key])]));
      holder.replaceChildren(diagram(values, choose, steps && name));
      panel.replaceChildren(...(!steps ? [say("noArithmetic", { n: number(direction().bias.length / 4) })] : name ?
        formula(name, step).map(row => make("code", {}, row)) : [say("chooseNumber")]));
      list.replaceChildren(...(steps ? ["i", "f", "g", "o", "c", "h"].map(key => make("li", {}, button([
        make("code", {}, formula(key, step)[0]), make("strong", {}, exact(step[key]))], () => {
        choose(key);
        list.querySelector(`[data-term=${key}]`).focus();
      }, { class: `term ${KINDS[key]}`, "data-term": key, "aria-pressed": key === name }))) : []));
      remark.replaceChildren(say("cellNote", { unit, rank: number(row + 1) }));
    };
    watch(draw);
    return first("cell", conclusion, unitChooser(), make("div", { class: "bench" }, holder, make("div", {}, list, panel)), remark);
  }

  function unitChooser() {
    const choice = make("select", { "aria-label": plain("unit"), class: "units" });
    const side = make("select", { "aria-label": plain("direction"), class: "sides" },
      indices(0, directions()).map(index => make("option", { value: index }, say(index ? "backward" : "forward"))));
    choice.addEventListener("change", () => move({ row: Number(choice.value) }));
    side.addEventListener("change", () => move({ side: Number(side.value), row: 0 }, "forget"));
    let filled = -1;
    watch(() => {
      if (filled !== view.side) {
        filled = view.side;
        choice.replaceChildren(...direction().units.map((_, row) => make("option", { value: row }, unitScored(row))));
      }
      choice.value = view.row;
      side.value = view.side;
    });
    return make("p", { class: "controls" }, make("label", {}, say("unit"), " ", choice),
      directions() > 1 ? make("label", {}, say("direction"), " ", side) : []);
  }
  return { cell };
})(numbers, words, draw, state, sections);
