const readings = (({ say }, { make, button, section, note }, { view, sentence, watch, change }, { marked, chance }) => {
  // The likeliest readings of the sentence; one of them can be drawn beside the best.
  function readings() {
    const list = make("ol", { class: "readings" });
    watch(what => {
      if (what === "node") return;
      const { readings: all } = sentence();
      list.replaceChildren(...all.map((one, place) => make("li", {}, make("span", { class: "amount" }, chance(one.probability)),
        marked(one),
        place ? button(say("drawThis"), () => { change("reading", view.reading === place ? -1 : place); list.querySelectorAll("button")[place - 1].focus(); },
          { "aria-pressed": view.reading === place }) : [])));
    });
    return section("readings", note("readingsNote"), list);
  }
  return { readings };
})(words, draw, place, pieces);
