const answer = (({ indices }, { data, signed, say }, { make, foreign, table, section, lead, note, folded },
  { view, numbers, sentence, span, stretch, wording, watch }, { chance, chances }) => {
  // How sure the answer is, the probabilities of a word's tags, and what each tag's score is made of.
  const SHOWN = 5;
  function answer() {
    const said = lead(), alone = make("p"), holder = make("div");
    said.setAttribute("aria-live", "polite");
    watch(what => {
      if (what !== "place") return;
      const { tokens, path, alone: largest, transition } = sentence(), own = span(), [start, end] = stretch();
      const [marginals, emissions] = ["marginals", "emissions"].map(name => numbers(sentence(), name));
      const word = foreign(wording(start, end)), t = view.t;
      said.replaceChildren(own ? say(own.label ? "spanSaid" : "spanSaidBare", { word, label: foreign(own.label), p: chance(own.probability) }) :
        say("tagSaid", { word, tag: foreign(data.tags[path[t]]), p: chance(marginals(t, path[t])) }));
      const differ = indices(start, end).filter(place => largest[place] !== path[place]);
      alone.replaceChildren(...(differ.length ? differ.flatMap(place => [say("aloneOther", { word: foreign(tokens[place]),
        tag: foreign(data.tags[path[place]]), other: foreign(data.tags[largest[place]]) }), " "]) : [say("aloneSame")]));
      const lists = indices(start, end).map(place => {
        const order = indices(0, data.tags.length).sort((one, next) => marginals(place, next) - marginals(place, one)).slice(0, SHOWN);
        return make("div", {}, make("h3", {}, foreign(tokens[place])),
          chances(order.map(tag => [foreign(data.tags[tag]), marginals(place, tag), tag === path[place]])));
      });
      const rows = indices(start, end).map(place => [foreign(tokens[place]), foreign(data.tags[path[place]]), chance(marginals(place, path[place])),
        foreign(data.tags[largest[place]]), signed(emissions(place, path[place])), signed(transition[place])]);
      holder.replaceChildren(make("div", { class: "marginals" }, lists),
        folded("scores", table(["word", "tag", "probability", "byItself", "emission", "transition"], rows), "scores"));
    });
    return section("answer", said, alone, holder, note("answerNote"));
  }
  return { answer };
})(numbers, words, draw, place, pieces);
