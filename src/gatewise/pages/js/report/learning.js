const learning = (({ known, best, ticks }, { data, number, say, plain }, { make, shape, table, folded, section, lead, chart, axes }) => {
  // What the run's own log says: losses and dev scores over its epochs.
  const { curves } = data, POINTS = 200;  // places that are told apart

  function curve(name, series) {
    const drawn = series.filter(({ points }) => points.length);
    const all = drawn.flatMap(({ points }) => points), xs = all.map(point => point[0]), ys = all.map(point => point[1]);
    const legend = drawn.map(({ key, kind }) => make("span", { class: `key ${kind}` }, say(key)));
    return chart(name, (svg, width) => {
      const box = { left: 46, right: width - 20, top: 12, bottom: 212 };
      const write = { up: number, across: (value, places) => number(value, places, 0), name: "epoch" };
      const end = Math.max(...xs), even = ticks(0, end, width < 420 ? 4 : 6);
      const across = { ...even, values: even.values.filter(value => value <= end * 1.001), end };
      const [x, y] = axes(svg, box, across, ticks(Math.min(...ys), Math.max(...ys), 4), write);
      for (const { points, kind } of drawn) {
        const places = points.map(point => [x(point[0]), y(point[1])]);
        svg.append(shape("path", { d: `M${places.map(place => place.join(" ")).join("L")}`, class: `curve ${kind}` }));
        if (kind === "dev") svg.append(...places.map(([cx, cy]) => shape("circle", { cx, cy, r: 4, class: "dev" })));
      }
      const near = end / POINTS / 2;
      const stops = [...new Set(xs)].sort((a, b) => a - b).map(epoch => {
        const values = drawn.flatMap(({ key, points }) => points.filter(point => Math.abs(point[0] - epoch) <= near)
          .slice(-1).map(point => `${plain(key)} ${number(point[1], 3)}`));
        const text = [`${plain("epoch")} ${number(epoch, 2, 0)}`, ...values].join(" · ");
        return { x: x(epoch) - 0.75, y: box.top, width: 1.5, height: box.bottom - box.top, class: "cursor thin", text };
      });
      return [box.bottom + 44, stops];
    }, legend);
  }

  function lossConclusion(training, dev) {
    if (!dev.length) {
      return say("lossTraining", { first: number(training[0][1], 3), last: number(training.at(-1)[1], 3) });
    }
    const lowest = best(dev, point => -point[1]), end = dev.at(-1);
    const later = end[1] > lowest[1] * 1.02 ? "lossOverfit" : "lossLevel";
    const key = dev.length === 1 ? "lossOnly" : lowest === end ? "lossFell" : later;
    return say(key, { epoch: number(lowest[0], 2, 0), low: number(lowest[1], 3), end: number(end[1], 3) });
  }

  function learning() {
    const points = (events, key) => events.filter(event => known(event[key])).map(event => [event.epoch, event[key]]);
    const training = points(curves.step, "loss"), dev = points(curves.dev, "loss"), scores = points(curves.dev, "score");
    if (!training.length && !dev.length && !scores.length) return section("learning", lead(say("noCurve")));
    const panels = [], panel = (conclusion, figure) => make("div", {}, lead(conclusion), figure);
    if (training.length || dev.length) {
      const series = [
        { key: "trainingLoss", kind: "training", points: training },
        { key: "devLoss", kind: "dev", points: dev },
      ];
      panels.push(panel(lossConclusion(training, dev), curve(plain("loss"), series)));
    }
    if (scores.length) {
      const top = best(scores, point => point[1]);
      const key = scores.length === 1 ? "scoreOnly" : top === scores.at(-1) ? "scoreRising" : "scoreBest";
      panels.push(panel(say(key, { epoch: number(top[0], 2, 0), score: number(top[1], 3) }), scores.length === 1 ? [] :
        curve(plain("devScore"), [{ key: "devScore", kind: "dev", points: scores }])));
    }
    const rows = curves.dev.map(event => [number(event.epoch, 2, 0), number(event.loss, 3), number(event.score, 3)]);
    return section("learning", make("div", { class: "pair" }, panels),
      rows.length ? folded("numbers", table(["epoch", "devLoss", "devScore"], rows), "learning") : []);
  }
  return { learning };
})(numbers, words, draw);
