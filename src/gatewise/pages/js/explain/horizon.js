const horizon = (({ inside, known }, { number, percent, plain, say }, { make, foreign, table, folded, lead, note }, { view }, { curves },
  { later, answered }) => {
  // How long the verdict, its evidence and the state outlive the text's words.
  function horizon() {
    const result = make("div", { class: "result" });
    const show = ({ added, evidence, memory, path, probabilities: chances, words: fillers, figures: { half, lost, gone } }) => {
      const values = { n: number(half), most: number(added.at(-1)), left: percent(evidence.at(-1), 0), lost: number(lost), gone: number(gone) };
      const series = [{ key: "evidence", kind: "now", values: evidence }, { key: "stateLeft", kind: "before", values: memory },
        { key: "pathLeft", kind: "forget_gate", values: path }];
      const figure = curves(plain("horizon"), {
        series: series.map(item => ({ ...item, values: item.values.map(value => inside(value, -0.5, 2)) })),
        low: Math.min(0, ...evidence.map(value => Math.max(-0.5, value))), high: Math.min(2, Math.max(1, ...evidence, ...memory)),
        write: value => percent(value, 0), at: () => [0, added.length], axis: index => `+${number(added[index])}`,
        readout: index => [`+${number(added[index])}`, percent(chances[index]),
          ...series.map(({ key, values: own }) => `${plain(key)} ${percent(own[index], 0)}`)].join(" · "),
      });
      const rows = added.map((count, index) => [number(count), percent(chances[index]), percent(evidence[index], 0),
        percent(memory[index], 0), percent(path[index], 2)]);
      result.replaceChildren(lead(say(known(half) ? "horizonHalf" : "horizonLasts", values), " ",
        say(known(lost) ? "verdictLost" : "verdictKept", values), " ", say(known(gone) ? "stateGone" : "stateStays", values)),
      note("horizonNote", { words: foreign(fillers.join(" · ")) }), figure,
      folded("numbers", table(["wordsAdded", "probability", "evidence", "stateLeft", "pathLeft"], rows), "horizon"));
    };
    let asked = false;
    return later("horizon", () => {
      if (!asked) answered({ ask: "horizon", text: view.look.text, target: view.look.target }, result, show);
      asked = true;
    }, result);
  }
  return { horizon };
})(numbers, words, draw, state, text, sections);
