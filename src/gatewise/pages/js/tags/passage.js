const passage = (({ indices }, { data, number, percent, plain, say, visible }, { make, section, note },
  { LONGEST, view, starts, numbers, spanAt, stretch, wording, gap, shown, watch, move, step }) => {
  // The text with its spans marked, in which a word or a span is chosen with the mouse or the arrow keys.
  const UNSURE = 0.7;  // below it a frame is dashed
  function passage() {
    const holder = make("div", { class: "passage" });
    let drawn = "";
    const words = new Map(), key = (s, t) => `${s} ${t}`;
    const fill = () => {
      const [from, to] = shown();
      if (drawn === `${from}`) return;
      drawn = `${from}`;
      words.clear();
      holder.replaceChildren(...data.sentences.flatMap((sentence, s) => {
        const first = Math.max(0, from - starts[s]), last = Math.min(sentence.tokens.length, to - starts[s]);
        return first < last ? [paragraph(sentence, s, first, last)] : [];
      }));
    };
    function paragraph(sentence, s, first, last) {
      const parts = [], at = numbers(sentence, "marginals");
      for (let t = first; t < last;) {
        const own = spanAt(s, t), end = Math.min(last, own?.end ?? t + 1), inner = [];
        if (t > first) parts.push(gap(t, sentence));
        for (const place of indices(t, end)) {
          const word = wording(place, place + 1, sentence), tag = data.tags[sentence.path[place]];
          const told = own ? plain("wordInSpan", { word, label: visible(own.label), p: percent(own.probability, 0) }) :
            plain("wordWithTag", { word, tag: visible(tag), p: percent(at(place, sentence.path[place]), 0) });
          const button = make("bdi", { class: "token", role: "button", tabindex: -1, "data-s": s, "data-t": place, "aria-pressed": "false",
            "aria-label": told }, word);
          words.set(key(s, place), button);
          inner.push(place > t ? gap(place, sentence) : "", button);
          if (data.plain) inner.push(make("small", { class: "tag", "aria-hidden": "true" }, visible(tag)));
        }
        if (own) inner.push(make("small", { "aria-hidden": "true" }, `${visible(own.label)} ${percent(own.probability, 0)}`.trim()));
        parts.push(...(own ? [make("span", { class: `entity${own.probability < UNSURE ? " unsure" : ""}` }, inner)] : inner));
        t = end;
      }
      return make("p", { class: "reading", dir: "auto" }, first ? "… " : [], parts, last < sentence.tokens.length ? " …" : []);
    }
    const mark = () => {
      holder.querySelectorAll(".here").forEach(one => one.classList.remove("here"));
      holder.querySelectorAll("[aria-pressed='true']").forEach(one => one.setAttribute("aria-pressed", "false"));
      holder.querySelectorAll("[tabindex='0']").forEach(one => { one.tabIndex = -1; });
      for (const t of indices(...stretch())) words.get(key(view.s, t))?.setAttribute("aria-pressed", "true");
      const word = words.get(key(view.s, view.t));
      if (!word) return word;
      word.tabIndex = 0;
      (view.whole ? word.closest(".entity") : word).classList.add("here");
      if (holder.scrollHeight > holder.clientHeight) {
        holder.scrollTop += word.getBoundingClientRect().top - holder.getBoundingClientRect().top - holder.clientHeight / 2;
      }
      return word;
    };
    // A word of a span chooses the span; chosen again, the word alone.
    function choose(target) {
      const [s, t] = [Number(target.dataset.s), Number(target.dataset.t)];
      const inside = view.s === s && view.whole && spanAt(s, t) === spanAt(s, view.t);
      move(s, t, !inside);
      mark()?.focus({ preventScroll: true });
    }
    holder.addEventListener("click", event => {
      const entity = event.target.closest(".entity"), word = event.target.closest("[data-t]") ?? entity?.querySelector("[data-t]");
      if (word) choose(word);
    });
    holder.addEventListener("keydown", event => {
      const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 10, ArrowUp: -10, PageDown: 50, PageUp: -50, Home: -starts.at(-1), End: starts.at(-1) };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in moves) step(moves[event.key]);
      else if (event.key === "Enter" || event.key === " ") choose(event.target.closest("[data-t]") ?? holder.querySelector("[tabindex='0']"));
      else return;
      event.preventDefault();
      mark()?.focus();
    });
    watch(what => { if (what === "place") { fill(); mark(); } });
    return section("passage", note(data.plain ? "passageNotePlain" : "passageNote"),
      starts.at(-1) > LONGEST ? note("window", { n: number(LONGEST) }) : [], holder,
      data.plain || data.sentences.some(({ spans }) => spans.length) ? [] : make("p", { class: "lead" }, say("noSpans")));
  }
  return { passage };
})(numbers, words, draw, place);
