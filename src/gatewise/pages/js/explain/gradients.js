const gradients = (({ power }, { number, plain, say }, { make, lead, note }, { curves }, { later, answered }) => {
  // How far a gradient reaches back in three kinds of network, before any training.
  const KINDS = { rnn: "one", lstm: "two", chrono: "three" };
  const log = value => Math.log10(Math.max(value, 1e-300));
  function gradients() {
    const result = make("div", { class: "result" });
    const choice = make("select", { "aria-label": plain("steps"), id: "gradient-steps" });
    const show = answer => {
      if (!choice.options.length) {
        choice.append(...Object.keys(answer).map(steps => make("option", { value: steps }, number(Number(steps)))));
        choice.value = Object.keys(answer).at(-1);
      }
      const norms = answer[choice.value], steps = Number(choice.value);
      const series = Object.entries(KINDS).map(([key, kind]) => ({ key, kind, values: norms[key].map(log) }));
      const first = key => (norms[key][0] > 0.01 ? number(norms[key][0], 2) : power(Math.floor(log(norms[key][0]))));
      result.replaceChildren(lead(say("gradientReach", { steps: number(steps), rnn: first("rnn"), lstm: first("lstm"), chrono: first("chrono") })),
        curves(plain("gradients"), {
          series, low: Math.min(...series.flatMap(({ values }) => values)), high: Math.max(0, ...series.flatMap(({ values }) => values)), write: power,
          at: () => [0, steps], axis: "stepAxis",
          readout: t => [number(t + 1), ...Object.keys(KINDS).map(key => `${plain(key)} ${norms[key][t].toExponential(1)}`)].join(" · "),
        }));
    };
    let asked = null;
    const update = () => {
      if (asked === choice.value) return;
      answered({ ask: "gradients" }, result, answer => { show(answer); asked = choice.value; });
    };
    choice.addEventListener("change", update);
    return later("gradients", update, note("gradientNote"), make("p", { class: "controls" }, make("label", {}, say("steps"), " ", choice)), result);
  }
  return { gradients };
})(numbers, words, draw, text, sections);
