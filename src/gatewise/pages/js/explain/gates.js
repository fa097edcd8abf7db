const gates = (({ unpack, indices, best, inside, known }, { number, percent, exact, plain, say }, { set, make, lead, note, painted, repaint },
  { view, length, quoted, place, direction, unitName, unitScored, bounds, quantity, shown, move, walk }, { overText }, { later }) => {
  // The gates over the text, of one unit and on average, and all units by time.
  const GATES = ["forget_gate", "input_gate", "output_gate"];

  function gates() {
    const conclusion = lead(), sentence = lead();
    let series = [], drawn = "";
    const gather = () => {
      const { means, figures: { lowest, least, average, halved } } = direction(), every = indices(0, length());
      series = [...GATES.map(name => ({ kind: `${name} mean`, values: every.map(t => unpack(means[name]).at(0, t)) })),
        ...GATES.map(name => ({ key: name, kind: name, values: every.map(t => quantity(name, view.row, t)) }))];
      conclusion.replaceChildren(say("gatesLowest", { word: quoted(lowest), f: percent(least, 0), lost: percent(1 - least, 0),
        average: percent(average, 0), life: number(halved, 1) }));
      const share = direction().figures.separates[view.row], unit = unitName(view.row);
      sentence.replaceChildren(known(share) ? say("unitAlone", { unit, share: percent(share, 0) }) : say("unitUnmeasured", { unit }));
    };
    gather();
    const strips = overText(plain("gates"), {
      series: () => series, low: 0, high: 1, write: value => number(value, 1), act: "gates",
      caption: [...GATES.map(name => make("span", { class: `key ${name}` }, say(name))), make("span", { class: "key mean" }, say("faint"))],
      readout: t => [place(t), `${plain("unit")} ${unitName(view.row)}`, ...series.slice(3).map(({ key, values }, index) =>
        `${plain(key)} ${number(values[t], 2)} (${plain("mean")} ${number(series[index].values[t], 2)})`)].join(" · "),
    });
    const choice = make("select", { "aria-label": plain("quantity") }, Object.keys(bounds).map(name => make("option", { value: name }, say(name))));
    choice.value = view.quantity;
    choice.addEventListener("change", () => move({ quantity: choice.value }, choice.value === "forget_gate" ? "forget" : undefined));
    const [map, mark] = heatMap();
    return later("gates", () => {
      const key = `${view.side} ${view.row}`;
      if (key !== drawn) { drawn = key; gather(); repaint(); }
      mark();
    }, conclusion, strips, sentence, make("p", { class: "controls" }, make("label", {}, say("quantity"), " ", choice)), map,
    note("heatNote", { n: number(direction().units.length) }));
  }

  // A gate's colour from none to full; of what has a sign, the grey of 0 turns dark below it and light above, by the
  // root of the value: most cells hold little beside the few that hold much.
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim().match(/\w\w/g).map(part => parseInt(part, 16));
  const variable = name => `--${name.replace("_", "-")}`;
  function heatMap() {
    const canvas = make("canvas", { class: "heat" }), cursor = make("div", { class: "crossing" }), band = make("div", { class: "band" });
    const frame = make("div", { class: "frame", tabindex: 0, role: "grid", "aria-label": plain("heat") }, canvas, band, cursor);
    const readout = make("p", { class: "readout live" }), scale = make("p", { class: "legend" });
    let drawn = "";
    const paint = () => {
      const [from, to] = shown(), rows = direction().units.length, columns = to - from, { quantity: name } = view;
      const values = indices(0, rows).map(row => indices(from, to).map(t => quantity(name, row, t)));
      const unsigned = bounds[name]?.[0] === 0;
      const most = bounds[name]?.[1] ?? inside(best(values.flat().map(Math.abs), value => value), 1e-9, 3);
      const [none, below, above] = (unsigned ? ["--none", "--none", variable(name)] : ["--zero", "--below", "--above"]).map(colour);
      set(canvas, { width: columns, height: rows });
      const image = new ImageData(columns, rows);
      values.flat().forEach((value, index) => {
        const end = value < 0 ? below : above, share = Math.min(1, Math.abs(value) / most), strength = unsigned ? share : Math.sqrt(share);
        for (let part = 0; part < 3; part += 1) image.data[index * 4 + part] = none[part] + (end[part] - none[part]) * strength;
        image.data[index * 4 + 3] = 255;
      });
      canvas.getContext("2d").putImageData(image, 0, 0);
      frame.style.height = `${inside(rows * 3, 120, 384)}px`;
      const swatch = (kind, text) => make("span", { class: `swatch ${kind}` }, text);
      scale.replaceChildren(...(unsigned ? [swatch("none", "0"), swatch(name, "1")] :
        [swatch("below", exact(-most, 1)), swatch("below half", exact(-most / 4, 1)), swatch("zero", "0"),
          swatch("above half", exact(most / 4, 1)), swatch("above", exact(most, 1))]), make("span", {}, say(name)));
    };
    const mark = () => {
      const key = [view.side, view.quantity, shown()[0], matchMedia("(prefers-color-scheme: dark)").matches].join();
      if (key !== drawn) { drawn = key; paint(); }
      const [from, to] = shown(), rows = direction().units.length;
      cursor.style.left = `${(view.t - from) / (to - from) * 100}%`;
      cursor.style.width = `${100 / (to - from)}%`;
      band.style.top = `${view.row / rows * 100}%`;
      band.style.height = `${100 / rows}%`;
      readout.textContent = plain("heatReadout", { unit: unitScored(view.row), place: place(view.t), name: plain(view.quantity),
        value: number(quantity(view.quantity, view.row, view.t), 2) });
    };
    frame.addEventListener("pointerdown", event => {
      const box = canvas.getBoundingClientRect(), [from, to] = shown();
      const part = (value, start, size, count) => inside(Math.floor((value - start) / size * count), 0, count - 1);
      move({ t: from + part(event.clientX, box.left, box.width, to - from),
        row: part(event.clientY, box.top, box.height, direction().units.length) }, "gates");
    });
    frame.addEventListener("keydown", event => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return walk(event, "gates");
      event.preventDefault();
      return move({ row: inside(view.row + step, 0, direction().units.length - 1) }, "gates");
    });
    return [make("div", { class: "map" }, painted(frame, mark), readout, scale), mark];
  }
  return { gates };
})(numbers, words, draw, state, text, sections);
