const decision = (({ indices, unpack }, { data, number, signed, say, visible }, { make, foreign, section, lead, note, fold },
  { sentence, near, gap, rival, decision: decided, watch }, { marked, bars, chance }) => {
  // What put this reading before the best one that says otherwise here: parts that sum to the odds.
  const LISTED = 8;
  const times = odds => (odds < 7 ? number(Math.exp(odds), odds < 2.3 ? 2 : 0) : `e^${number(odds, 1)}`);
  const strongest = (shares, most) => indices(0, shares.length).sort((one, next) => Math.abs(shares[next]) - Math.abs(shares[one])).slice(0, most);

  function decision() {
    const holder = make("div");
    watch(what => {
      if (what !== "place") return;
      const found = decided(), { tokens } = sentence();
      if (!found) { holder.replaceChildren(note(data.tags.length > 1 ? "notPrepared" : "oneTag")); return; }
      const { at } = unpack(found.contributions), shares = tokens.map((_, t) => at(0, t));
      const parts = [[say("partWords"), found.words], [say("partFeatures"), found.features], [say("partBias"), found.bias],
        [say("partTransitions"), found.transitions], [make("strong", {}, say("partSum")), found.log_odds, "whole"]];
      const features = found.strongest.map(({ name, step, share }) => [[foreign(tokens[step]), " ", make("code", { dir: "auto" }, visible(name))], share]);
      holder.replaceChildren(
        lead(say("rivalSaid", { p: chance(found.probability), times: times(found.log_odds) })),
        make("div", { class: "other" }, marked(rival())),
        make("div", { id: "parts" }, bars(parts, value => signed(value, 3))), note("partsNote"),
        make("h3", {}, say("wordShares")), coloured(tokens, shares),
        make("p", { class: "legend" }, make("span", { class: "swatch for" }, say("forThis")), make("span", { class: "swatch against" }, say("forOther"))),
        make("div", { id: "words" }, bars(strongest(shares, LISTED).map(t => [foreign(tokens[t]), shares[t]]))),
        make("h3", {}, say("strongest")), make("div", { id: "features" }, features.length ? bars(features) : note("noFeatures")),
        fold(say("limits"), note("limitsNote")));
    });
    return section("decision", holder);
  }
  // The words around the reader in the colours of their shares; the list below says them too.
  function coloured(tokens, shares) {
    const most = Math.max(...shares.map(Math.abs), 1e-9);
    return make("p", { class: "reading shares", dir: "auto", "aria-hidden": "true" }, indices(...near()).flatMap(t => {
      const word = make("bdi", { class: `token ${shares[t] >= 0 ? "for" : "against"}` }, visible(tokens[t]));
      word.style.setProperty("--share", Math.min(1, Math.sqrt(Math.abs(shares[t]) / most)));
      return [gap(t), word];
    }));
  }
  return { decision };
})(numbers, words, draw, place, pieces);
