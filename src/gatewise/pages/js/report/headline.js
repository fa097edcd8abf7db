const headline = (({ data, number, percent, say, plain }, { set, make, shape, label, line, foreign, section, lead, note, painted, widthOf }) => {
  // Accuracy with its interval, beside the most frequent label's share, and the other figures of the whole.
  const { evaluation, figures } = data;

  function strip() {
    const { accuracy, accuracy_low: low, accuracy_high: high } = evaluation, baseline = figures.frequent.share;
    const [share, ...shares] = [baseline, accuracy, low, high].map(value => percent(value));
    const name = plain("strip", { share, accuracy: shares[0], low: shares[1], high: shares[2] });
    const svg = shape("svg", { role: "img", "aria-label": name, class: "chart" });
    return make("figure", {}, painted(svg, () => {
      const width = widthOf(svg), x = value => 8 + value * (width - 16);
      const bar = (from, to, y, height, kind) =>
        shape("rect", { x: x(from), y, width: Math.max(2, x(to) - x(from)), height, rx: height / 2, class: kind });
      const anchor = baseline > 0.65 ? "end" : baseline < 0.3 ? "start" : "middle";
      set(svg, { width, height: 66, viewBox: `0 0 ${width} 66` });
      svg.replaceChildren(bar(0, 1, 30, 6, "track"), bar(0, accuracy, 30, 6, "fill"), bar(low, high, 26, 14, "interval"),
        line(x(low), 24, x(low), 42, "bound"), line(x(high), 24, x(high), 42, "bound"),
        line(x(baseline), 20, x(baseline), 44, "baseline"),
        shape("circle", { cx: x(accuracy), cy: 33, r: 5, class: "dot" }),
        label(x(baseline), 12, plain("stripBaseline", { share }), anchor),
        label(8, 62, percent(0, 0), "start"), label(width - 8, 62, percent(1, 0), "end"));
    }));
  }

  function headline() {
    const { n, labels, accuracy, temperature, seconds, empty_texts: empty } = evaluation;
    const interval = { low: percent(evaluation.accuracy_low), high: percent(evaluation.accuracy_high) };
    const fact = (key, value, values) => make("div", {}, make("dt", {}, say(key)), make("dd", { class: "value" }, value),
      make("dd", { class: "note" }, say(`${key}Note`, values)));
    const facts = [
      fact("macroF1", number(evaluation.macro_f1, 3)),
      fact("ece", percent(evaluation.ece), { before: percent(evaluation.ece_uncalibrated) }),
      fact("logLoss", number(evaluation.log_loss, 3),
        { before: number(evaluation.log_loss_uncalibrated, 3), chance: number(figures.chance, 3) }),
      fact("temperature", number(temperature, 2)),
      fact("texts", number(n), { classes: number(labels.length) }),
      ...(empty ? [fact("empty", number(empty))] : []),
      fact("seconds", say("secondsValue", { seconds: number(seconds, 1) }), { rate: number(figures.rate) }),
    ];
    return section("headline",
      make("div", { class: "verdict" },
        make("p", { class: "figure" }, make("span", {}, say("accuracy")), make("strong", {}, percent(accuracy))),
        make("div", {}, lead(say("right", { right: number(figures.right), n: number(n), ...interval })),
          make("p", {}, say("baseline", { label: foreign(figures.frequent.label), share: percent(figures.frequent.share) })),
          note("intervalLimits"))),
      strip(), make("dl", { class: "facts" }, facts));
  }
  return { headline };
})(words, draw);
