"use strict";
// How long the verdict outlives its words, and how far a gradient reaches back in three kinds of network.
function horizon() {
  const result = make("div", { class: "result" });
  const show = answer => {
    if (!answer) { result.replaceChildren(note("notPrepared")); return; }
    const { added, evidence, memory, path, probabilities: chances, words: fillers } = answer;
    const half = added.findIndex((_, index) => evidence[index] < 0.5);
    const start = chances[0] > 0.5, lost = added.findIndex((_, index) => chances[index] > 0.5 !== start);
    const gone = added.findIndex((_, index) => memory[index] < 0.5 && memory.slice(index).every(value => value < 0.5));
    const values = { n: number(added[half] ?? 0), most: number(added.at(-1)), left: percent(evidence.at(-1), 0),
      lost: number(added[lost] ?? 0), gone: number(added[gone] ?? 0) };
    const series = [{ key: "evidence", kind: "probability", values: evidence }, { key: "stateLeft", kind: "after", values: memory },
      { key: "pathLeft", kind: "forget_gate", values: path }];
    const figure = curves(plain("horizon"), {
      series: series.map(item => ({ ...item, values: item.values.map(value => Math.max(-0.5, Math.min(2, value))) })),
      low: Math.min(0, ...evidence.map(value => Math.max(-0.5, value))), high: Math.min(2, Math.max(1, ...evidence, ...memory)),
      write: value => percent(value, 0), at: () => [0, added.length], axis: index => `+${number(added[index])}`,
      readout: index => [`+${number(added[index])}`, percent(chances[index]), ...series.map(({ key, values: own }) => `${plain(key)} ${percent(own[index], 0)}`)].join(" · "),
    });
    const rows = added.map((count, index) => [number(count), percent(chances[index]), percent(evidence[index], 0), percent(memory[index], 0), percent(path[index], 2)]);
    result.replaceChildren(lead([say(half > 0 ? "horizonHalf" : "horizonLasts", values), " ",
      say(lost > 0 ? "verdictLost" : "verdictKept", values), " ", say(gone > 0 ? "stateGone" : "stateStays", values)]),
    note("horizonNote", { words: foreign(fillers.join(" · ")) }), figure,
    folded("numbers", table(["wordsAdded", "probability", "evidence", "stateLeft", "pathLeft"].map(key => plain(key)), rows), "horizon"));
    repaint();
  };
  answered({ ask: "horizon", text: look.text, target: look.target }, result, show);
  return section("horizon", result);
}

const KINDS_OF_NET = { rnn: "after", lstm: "probability", chrono: "forget_gate" };
function gradients() {
  const result = make("div", { class: "result" });
  const choice = make("select", { "aria-label": plain("steps"), id: "gradient-steps" });
  const show = answer => {
    if (!answer) { result.replaceChildren(note("notPrepared")); return; }
    if (!choice.options.length) {
      choice.append(...Object.keys(answer).map(steps => make("option", { value: steps }, number(Number(steps)))));
      choice.value = Object.keys(answer).at(-1);
    }
    const norms = answer[choice.value], steps = Number(choice.value);
    const log = value => Math.log10(Math.max(value, 1e-300));
    const series = Object.entries(KINDS_OF_NET).map(([key, kind]) => ({ key, kind, values: norms[key].map(log) }));
    const power = value => `10${[...String(Math.round(value))].map(sign => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("")}`;
    const first = key => power(Math.floor(log(norms[key][0])));
    const figure = curves(plain("gradients"), {
      series, low: Math.min(...series.flatMap(({ values }) => values)), high: Math.max(0, ...series.flatMap(({ values }) => values)), write: power,
      at: () => [0, steps], axis: "stepAxis",
      readout: t => [number(t + 1), ...Object.keys(KINDS_OF_NET).map(key => `${plain(key)} ${norms[key][t].toExponential(1)}`)].join(" · "),
    });
    result.replaceChildren(lead(say("gradientReach", { steps: number(steps), rnn: first("rnn"), lstm: first("lstm"),
      chrono: norms.chrono[0] > 0.01 ? number(norms.chrono[0], 2) : first("chrono") })), figure);
    repaint();
  };
  const run = () => answered({ ask: "gradients" }, result, show);
  choice.addEventListener("change", run);
  run();
  return section("gradients", note("gradientNote"), make("p", { class: "controls" }, make("label", {}, say("steps"), " ", choice)), result);
}
