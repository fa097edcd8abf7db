const shares = (({ indices }, { data, inWords, number, percent, signed, plain, say },
  { set, make, shape, label, line, foreign, table, fold, folded, lead, note, painted, widthOf, chart, repaint },
  { view, token, length, place, labelled, shown, move, did }, { LEFT, RIGHT, shareClass, mostOf, swatches }, { later, answered }) => {
  // The shares that sum to the logit, by any method, and how far they can be trusted.
  function shares() {
    const holder = make("div", { class: "shares" }), conclusion = lead(), trust = make("p", { class: "note", id: "trust" });
    const choice = make("select", { "aria-label": plain("method"), id: "method" },
      data.methods.map(name => make("option", { value: name }, inWords(`method_${name}`) ?? name)));
    choice.addEventListener("change", () => move({ method: choice.value }, "sum"));
    let drawn = "", bars = null;
    const mark = () => bars?.go(view.t - shown()[0]);
    const draw = answer => {
      const { contributions, bias, logit, residual, figures: { order, few, carried, plus, minus, total } } = answer;
      conclusion.replaceChildren(say("sharesCarry", { few: number(few), n: number(length()), share: percent(carried, 0),
        plus: signed(plus), minus: signed(minus), label: labelled(view.look.target) }));
      const term = (key, value, name, digits = 4) => make("div", {}, make("dt", {}, say(key)),
        make("dd", { id: name }, signed(value, digits)));
      const equation = make("dl", { class: "sum" }, term("sumWords", total, "sum-words"), term("sumBias", bias, "sum-bias"),
        term("sumResidual", residual, "sum-residual", 6), term("sumLogit", logit, "sum-logit"));
      const rows = order.map(t => [foreign(`${number(t + 1)} ${token(t)}`), signed(contributions[t], 3)]);
      bars = shareBars(contributions);
      holder.replaceChildren(waterfall(total, bias, residual, logit), equation, bars, folded("numbers", table(["word", "share"], rows), "shares"));
      repaint();
      mark();
    };
    const update = () => {
      const key = `${view.method} ${shown()[0]}`;
      if (key === drawn) { mark(); return; }
      drawn = key;
      choice.value = view.method;
      const measured = data.faithfulness?.[view.method];
      trust.replaceChildren(measured ? say("faithMeasured", { comp: number(measured.comprehensiveness, 3),
        suff: number(measured.sufficiency, 3), rank: measured.rank === undefined ? "–" : number(measured.rank, 2) }) : say("faithUnmeasured"));
      const { look: { text, target, shares: own }, method } = view;
      if (method === own.method) { draw(own); return; }
      conclusion.replaceChildren();
      answered({ ask: "method", text, target, method }, holder, draw);
    };
    const limits = fold(say("trustTitle"), note("trustText"));
    limits.addEventListener("toggle", () => limits.open && did("faith"));
    return later("shares", update, conclusion, make("p", { class: "controls" }, make("label", {}, say("method"), " ", choice)), trust,
      holder, limits);
  }

  // Pieces from zero to the logit, one after the other.
  function waterfall(total, bias, residual, logit) {
    const steps = [["sumWords", total], ["sumBias", bias]];
    if (Math.abs(residual) > 0.005) steps.push(["sumResidual", residual]);
    const svg = shape("svg", { class: "chart still", role: "img", "aria-label": plain("waterfall", { logit: signed(logit, 3) }) });
    return make("figure", {}, painted(svg, () => {
      const width = widthOf(svg), left = 104, right = width - 62, row = 28;
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
    }));
  }

  function shareBars(contributions) {
    const most = mostOf(contributions);
    return chart(plain("shares"), (svg, width) => {
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
    }, swatches(), t => move({ t: t + shown()[0] }));
  }
  return { shares };
})(numbers, words, draw, state, text, sections);
