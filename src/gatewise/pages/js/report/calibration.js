const calibration = (({ ticks }, { data, number, percent, compact, say, plain },
  { set, make, shape, label, line, table, folded, section, lead, note, chart, axes }) => {
  // Whether a stated probability is the share of right answers, before and after calibration.
  const { evaluation, figures } = data;

  function reliability(key, bins, floor) {
    const most = Math.max(...bins.map(bin => bin.n));
    return chart(plain(key), (svg, width) => {
      const box = { left: 46, right: width - 20, top: 12, bottom: 72 + Math.min(width, 380) * 0.62 };
      const foot = box.bottom + 104, spread = { values: ticks(floor, 1, 5).values, digits: 0 };
      const write = { up: percent, across: percent, name: "confidence" };
      const [x, y] = axes(svg, box, spread, spread, write), first = spread.values[0];
      svg.append(line(x(first), y(first), x(1), y(1), "diagonal"), line(box.left, foot, box.right, foot, "grid"));
      const roomy = x(bins[0].high) - x(bins[0].low) > 30;
      const dots = bins.map(bin => {
        const height = bin.n / most * 40, middle = x((bin.low + bin.high) / 2);
        const [left, wide] = [x(bin.low) + 1, Math.max(1, x(bin.high) - x(bin.low) - 2)];
        svg.append(shape("rect", { x: left, y: foot - height, width: wide, height, class: "amounts" }));
        if (roomy) svg.append(label(middle, foot + 15, compact(bin.n), "middle", "tick small"));
        const gap = line(x(bin.confidence), y(bin.confidence), x(bin.confidence), y(bin.accuracy), "gap");
        svg.append(set(gap, { "stroke-width": 1 + 2.5 * Math.sqrt(bin.n / most) }));  // few predictions, thin line
        const radius = 4 + 5 * Math.sqrt(bin.n / most);
        return shape("circle", { cx: x(bin.confidence), cy: y(bin.accuracy), r: radius, class: "point" });
      });
      svg.append(...dots);
      const described = ({ confidence, accuracy, n }) =>
        plain("binReadout", { confidence: percent(confidence), accuracy: percent(accuracy), n: number(n) });
      const stops = bins.map(bin => ({ x: x(bin.low), y: box.top, width: x(bin.high) - x(bin.low), height: foot - box.top,
        text: described(bin) }));
      return [foot + 22, stops];
    }, make("span", { class: "panel" }, say(key)));
  }

  function calibration() {
    const { reliability_uncalibrated: before, reliability: after } = evaluation, gap = figures.overconfidence;
    if (!before.length || !after.length) return [];
    const verdict = (value, over, under, fair) => (Math.abs(value) < 0.005 ? fair : value > 0 ? over : under);
    const points = value => number(100 * Math.abs(value), 1);
    const opening = say(verdict(gap.before, "overconfident", "underconfident", "fairlyConfident"), { before: points(gap.before) });
    const conclusion = say(verdict(gap.after, "afterOver", "afterUnder", "afterFair"), { start: opening, after: points(gap.after) });
    const floor = Math.min(...[...before, ...after].flatMap(bin => [bin.low, bin.accuracy]));
    const rows = bins => bins.map(bin => [`${percent(bin.low, 0)}–${percent(bin.high, 0)}`, number(bin.n),
      percent(bin.confidence), percent(bin.accuracy)]);
    const headers = ["range", "texts", "confidence", "shareRight"];
    const few = evaluation.few_dev_texts ? [note("fewDevTexts", { n: number(evaluation.few_dev_texts) })] : [];
    return section("calibration", lead(conclusion), ...few, note("calibrationNote"),
      make("div", { class: "pair" }, reliability("before", before, floor), reliability("after", after, floor)),
      folded("numbers", [table(headers, rows(before), say("before")), table(headers, rows(after), say("after"))],
        "calibration"));
  }
  return { calibration };
})(numbers, words, draw);
