const tour = (({ number, plain, say }, { set, make, button }, { view, remember, whenDone }) => {
  // The guided tour: ten cards; a card is done when its act is done, not when it is read.
  const CARDS = ["verdict", "slider", "cell", "gates", "forget", "belt", "sum", "phrase", "edit", "faith"];
  const PLACES = { slider: "running", forget: "gates", sum: "shares", faith: "shares" };
  const done = new Set();

  // sections: by name, those that can be opened
  function tour(holder, sections) {
    const turnTo = card => { view.card = (card + CARDS.length) % CARDS.length; remember(); draw(); };
    const widen = wide => { holder.classList.toggle("open", wide); progress.setAttribute("aria-expanded", wide); };
    const go = () => {
      const target = sections[PLACES[CARDS[view.card]] ?? CARDS[view.card]];
      widen(false);
      target.open?.();
      target.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      document.querySelector(".lit")?.classList.remove("lit");
      target.classList.add("lit");
    };
    const text = make("p", { class: "card", "aria-live": "polite" }), marks = make("ol", { class: "marks" });
    // On a narrow screen the tour is one line until somebody opens it.
    const progress = button([], () => widen(!holder.classList.contains("open")), { id: "tour-open", class: "narrow", "aria-label": plain("tour") });
    text.addEventListener("click", () => widen(!holder.classList.contains("open")));
    const draw = () => {
      const counts = { done: number(done.size), n: number(CARDS.length) };
      progress.replaceChildren(`${counts.done}/${counts.n}`);
      text.replaceChildren(make("strong", {}, say(done.size === CARDS.length ? "tourAll" : "tourDone", counts), " "), say(`card_${CARDS[view.card]}`));
      marks.replaceChildren(...CARDS.map((name, index) => make("li", {}, button(done.has(name) ? "✓" : number(index + 1), () => turnTo(index), {
        class: `${done.has(name) ? "done" : ""}${index === view.card ? " now" : ""}`,
        "aria-label": `${number(index + 1)}: ${plain(`card_${name}`)}${done.has(name) ? ` (${plain("ticked")})` : ""}`,
      }))));
    };
    whenDone(act => {
      if (!CARDS.includes(act) || done.has(act)) return;
      done.add(act);
      const next = CARDS.findIndex((card, index) => index > view.card && !done.has(card));
      if (CARDS[view.card] === act && next >= 0) view.card = next;
      draw();
    });
    view.card = Math.max(0, Math.min(CARDS.length - 1, view.card));
    holder.replaceChildren(progress, marks, text, make("div", { class: "controls" }, button(say("tourGo"), go, { id: "tour-go", class: "primary" }),
      button(say("tourBack"), () => turnTo(view.card - 1), { id: "tour-back" }), button(say("tourNext"), () => turnTo(view.card + 1), { id: "tour-next" }),
      button(say("tourHide"), () => { holder.hidden = true; }, { id: "tour-hide" })));
    set(holder, { "aria-label": plain("tour") });
    widen(false);
    draw();
  }
  return { tour };
})(words, draw, state);
