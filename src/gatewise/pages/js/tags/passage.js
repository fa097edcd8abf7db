const passage = (({ indices, slicer }, { data, number, percent, plain, say, visible }, { make, section, note },
  { LONGEST, view, starts, numbers, spanAt, stretch, shown, watch, move, step }) => {
  // The text with its spans marked, in which a word or a span is chosen with the mouse or the arrow keys.
  function passage() {
    const holder = make("div", { class: "passage" }), cut = slicer(data.text);
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
      let end = sentence.offsets[first][0], open = null;
      for (const t of indices(first, last)) {
        const [start, stop] = sentence.offsets[t], own = spanAt(s, t);
        const target = () => open ?? { append: (...more) => parts.push(...more) };
        if (open && (!own || own.start === t)) close();
        if (start > end) target().append(visible(cut(end, start)));
        if (own && !open) { open = make("span", { class: `entity${own.probability < 0.7 ? " unsure" : ""}` }); open.span = own; parts.push(open); }
        const name = own ? plain("wordInSpan", { word: visible(cut(start, stop)), label: visible(own.label), p: percent(own.probability, 0) }) :
          plain("wordWithTag", { word: visible(cut(start, stop)), tag: visible(data.tags[sentence.path[t]]), p: percent(at(t, sentence.path[t]), 0) });
        const word = make("bdi", { class: "token", role: "button", tabindex: -1, "data-s": s, "data-t": t, "aria-pressed": "false", "aria-label": name },
          visible(cut(start, stop)));
        words.set(key(s, t), word);
        target().append(word);
        if (data.plain) target().append(make("small", { class: "tag", "aria-hidden": "true" }, visible(data.tags[sentence.path[t]])));
        end = stop;
      }
      if (open) close();
      function close() {
        const { label, probability } = open.span;
        open.append(make("small", { "aria-hidden": "true" }, `${visible(label)} ${percent(probability, 0)}`.trim()));
        open = null;
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
