const lengths = (({ data, number, percent, range, say, plain },
  { make, shape, label, line, table, folded, section, lead, note, chart }) => {
  // Accuracy from the shortest texts to the longest.
  const { evaluation: { accuracy, by_length: bins }, figures } = data;

  function lengths() {
    if (!bins.length) return [];
    const { best, weakest, below, apart } = figures.lengths, span = bin => range(bin.low, bin.high);
    const conclusion = say(bins.length === 1 ? "lengthOne" : apart ? "lengthWorst" : "lengthChance",
      { range: span(weakest), best: span(best), accuracy: percent(weakest.accuracy), points: number(100 * below, 1) });
    const described = bin => ({ range: span(bin), accuracy: percent(bin.accuracy), n: number(bin.n),
      low: percent(bin.accuracy_low), high: percent(bin.accuracy_high) });
    const figure = chart(plain("length"), (svg, width) => {
      const longest = write => 7 * Math.max(...bins.map(bin => write(bin).length));  // 7 px hold any digit
      const count = bin => `n = ${number(bin.n)}`;
      const left = 10 + longest(span), right = width - 66 - longest(count), step = 34;
      const x = value => left + value * (right - left), end = 8 + step * bins.length;
      const stops = bins.map((bin, index) => {
        const y = 8 + step * index, middle = y + step / 2;
        svg.append(label(left - 8, middle + 4, span(bin), "end"));
        svg.append(shape("rect", { x: left, y: middle - 10, width: x(bin.accuracy) - left, height: 20, class: "bar" }));
        svg.append(line(x(bin.accuracy_low), middle, x(bin.accuracy_high), middle, "whisker"));
        svg.append(label(width, middle + 4, count(bin), "end"));
        svg.append(label(right + 12, middle + 4, percent(bin.accuracy), "start", "amount"));
        return { x: 0, y, width, height: step, text: plain("lengthReadout", described(bin)) };
      });
      svg.append(line(left, 8, left, end, "rule"), line(x(accuracy), 4, x(accuracy), end, "diagonal"));
      return [end + 6, stops];
    }, make("span", { class: "panel" }, say("tokens")));
    const rows = bins.map(described).map(row => [row.range, row.n, row.accuracy, `${row.low}–${row.high}`]);
    return section("length", lead(conclusion), note("lengthNote"), figure,
      folded("numbers", table(["tokens", "texts", "accuracy", "interval"], rows), "length"));
  }
  return { lengths };
})(words, draw);
