const phrase = (({ indices }, { plain, say, signed }, { set, make, foreign, table, lead, note },
  { view, token, length, move, walk }, { strip, under }, { later, answered }) => {
  // What several tokens are worth together and each alone; it begins with the strongest phrase of the text.
  function brush() {
    const holder = strip();
    let start = null;
    const cover = (a, b, done) => {
      move({ from: Math.min(a, b), to: Math.max(a, b) + 1 }, done && a !== b ? "phrase" : undefined);
    };
    holder.addEventListener("pointerdown", event => {
      const t = under(event);
      if (Number.isNaN(t)) return;
      event.preventDefault();
      holder.focus();
      if (event.shiftKey && view.from >= 0) { cover(view.from, t, true); return; }
      start = t;
      try { holder.setPointerCapture(event.pointerId); } catch { /* a pointer that has gone needs no capture */ }
      cover(t, t);
    });
    holder.addEventListener("pointermove", event => {
      const t = under(event);
      if (start === null || Number.isNaN(t) || (Math.min(start, t) === view.from && Math.max(start, t) + 1 === view.to)) return;
      cover(start, t, true);
    });
    const end = () => { start = null; };
    holder.addEventListener("pointerup", end);
    holder.addEventListener("pointercancel", end);
    holder.addEventListener("keydown", event => {
      if (event.key === "Escape") { move({ from: -1, to: -1 }); return; }
      if (!event.shiftKey || !["ArrowRight", "ArrowLeft"].includes(event.key)) { walk(event); return; }
      event.preventDefault();
      const [from, to] = view.from < 0 ? [view.t, view.t + 1] : [view.from, view.to];
      if (event.key === "ArrowRight" && to < length()) move({ from, to: to + 1, t: to }, "phrase");
      if (event.key === "ArrowLeft" && from > 0) move({ from: from - 1, to, t: from - 1 }, "phrase");
    });
    return holder;
  }

  function phrase() {
    const result = make("div", { class: "result", "aria-live": "polite" });
    let asked = "";
    const show = ({ start, stop, alone, together, effect, effects, figures }) => {
      const row = (name, ...numbers) => [name, ...numbers.map(number => signed(number, 3))];
      const rows = [...indices(start, stop).map((t, index) => row(foreign(token(t)), alone[index], effects[index])),
        row(plain("wordsAlone"), figures.alone, figures.effects), row(plain("together"), together, effect),
        row(plain("interaction"), figures.interaction, figures.effect_interaction)];
      const { look, cut } = view, inside = foreign(cut(look.offsets[start][0], look.offsets[stop - 1][1]));
      result.replaceChildren(lead(say("phraseWorth", { phrase: inside, together: signed(together), alone: signed(figures.alone),
        difference: signed(figures.interaction), effect: signed(effect), effectDifference: signed(figures.effect_interaction) })),
      set(table(["word", "share", "effect"], rows), { id: "phrase-table" }));
    };
    return later("phrase", () => {
      const { look: { text, target }, from: start, to: stop } = view, key = `${start} ${stop}`;
      if (key === asked) return;
      asked = key;
      if (start >= 0) answered({ ask: "phrase", text, target, start, stop }, result, show);
      else result.replaceChildren(lead(say(length() > 1 ? "phraseNone" : "phraseOne")));
    }, note("phraseNote"), brush(), result);
  }
  return { phrase };
})(numbers, words, draw, state, text, sections);
