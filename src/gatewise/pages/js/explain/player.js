const player = (({ number, percent, plain, say }, { set, make, button }, { view, token, length, quoted, labelled, watch, move }) => {
  // The bar that stays in sight: play, a slider over the text, and the verdict at the reader's place.
  function player() {
    const slider = make("input", { type: "range", min: 0, max: length() - 1, step: 1, "aria-label": plain("position") });
    const here = make("output", { class: "where", id: "where" });
    const play = button([], () => {
      if (!timer && view.t >= length() - 1) move({ t: 0 });
      playing(!timer);
    }, { id: "play" });
    let timer = null, moved = 0;
    const playing = on => {
      clearInterval(timer);
      timer = on ? setInterval(() => {
        if (!play.isConnected || view.t >= length() - 1) return playing(false);
        return move({ t: view.t + 1 }, "slider");
      }, 250) : null;
      set(play, { "aria-label": plain(on ? "pause" : "play") });
      play.replaceChildren(make("span", { class: "narrow" }, on ? "❚❚" : "▶\ufe0e"), make("span", { class: "wide" }, say(on ? "pause" : "play")));
    };
    slider.addEventListener("input", () => { moved += 1; move({ t: Number(slider.value) }, moved > 2 ? "slider" : undefined); });
    playing(false);
    watch(() => {
      const { t } = view, place = { t: number(t + 1), n: number(length()) };
      slider.value = t;
      set(slider, { "aria-valuetext": plain("positionText", { ...place, word: token(t) }) });
      here.replaceChildren(make("span", { class: "wide" }, say("positionText", { ...place, word: quoted(t) })),
        make("span", { class: "narrow" }, quoted(t)), " ",
        make("strong", {}, percent(view.look.running[t], 0)), " ", make("span", { class: "wide" }, labelled(view.look.target)));
    });
    return make("div", { class: "player" }, play, slider, here);
  }
  return { player };
})(words, draw, state);
