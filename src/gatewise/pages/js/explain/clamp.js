const clamp = (({ data, number, plain, say }, { set, make, lead, note },
  { view, place, arrowed, did, remember }, { curves, mostOf }, { compared, fromTo }, { later, answered }) => {
  // The verdict with a gate held at one value; it begins with a forget gate that keeps everything.
  const EXAMPLE = { gate: "forget_gate", value: 1, unit: null };
  function clamp() {
    const result = make("div", { class: "result", "aria-live": "polite" }), { look } = view;
    const gate = make("select", { "aria-label": plain("gate"), id: "held-gate" },
      ["", "forget_gate", "input_gate", "output_gate", "candidate"].map(name => make("option", { value: name }, say(name || "heldNone"))));
    const value = data.live ? make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, id: "held-value" }) :
      make("select", { id: "held-value" }, ["0", "0.5", "1"].map(text => make("option", { value: text }, text)));
    set(value, { "aria-label": plain("value") });
    const amount = make("output", {}), where = make("select", { "aria-label": plain("unit"), id: "held-unit" });
    where.append(make("option", { value: "" }, say("allUnits")), ...look.layers.at(-1).flatMap((own, side) =>
      own.units.slice(0, data.live ? 16 : 4).map(unit => make("option", { value: side * data.hidden + unit }, arrowed(unit, side)))));

    const show = answer => {
      const before = look.probabilities[look.target], flips = (answer.probability > 0.5) !== (before > 0.5);
      result.replaceChildren(lead(say(flips ? "heldFlips" : "heldStays", { ...fromTo(answer), gate: plain(answer.gate),
        value: number(answer.value, 2, 0) })), compared(answer, "clamp"), curves(plain("memorySize"), {
        series: [{ key: "memoryBefore", kind: "before", values: look.memory }, { key: "memoryAfter", kind: "now", values: answer.memory }],
        low: 0, high: mostOf([...look.memory, ...answer.memory]), write: (size, digits) => number(size, Math.min(2, digits)),
        readout: t => `${place(t)} · ${number(look.memory[t], 2)} → ${number(answer.memory[t], 2)}`,
      }));
    };
    let asked = null;
    const update = () => {
      const held = view.held === undefined ? EXAMPLE : view.held, key = JSON.stringify(held);
      if (key === asked) return;
      asked = key;
      [gate.value, value.value, where.value] = [held?.gate ?? "", held?.value ?? 1, held?.unit ?? ""];
      const silent = gate.value === "candidate";
      value.disabled = silent || !held;
      where.disabled = !held || (!data.live && !silent);
      amount.textContent = held && data.live ? number(held.value, 2) : "";
      if (held) answered({ ask: "clamp", text: look.text, target: look.target, ...held }, result, show);
      else result.replaceChildren(lead(say("heldNothing")));
    };
    const choose = () => {
      const silent = gate.value === "candidate", one = silent && where.value === "" ? where.options[1]?.value ?? "" : where.value;
      const unit = one === "" || (!silent && !data.live) ? null : Number(one);
      view.held = gate.value ? { gate: gate.value, value: silent ? 0 : Number(value.value), unit } : null;
      did("clamp");
      update();
      remember();
    };
    for (const control of [gate, value, where]) control.addEventListener("change", choose);
    value.addEventListener("input", () => { amount.textContent = number(Number(value.value), 2); });
    return later("clamp", update, note("clampNote"), make("p", { class: "controls" },
      make("label", {}, say("gate"), " ", gate), make("label", {}, say("value"), " ", value, " ", amount),
      make("label", {}, say("unit"), " ", where)), result);
  }
  return { clamp };
})(words, draw, state, text, edit, sections);
