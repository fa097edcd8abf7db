const verdict = (({ indices }, { number, signed, plain, say, visible }, { set, make, lead, painted },
  { view, token, length, quoted, labelled, shown, watch, move, walk }, { tokenSpan, mostOf, swatches }, { first }) => {
  // The text with every token in the colour of its share, and who decided.
  function textView() {
    const paragraph = make("p", { class: "reading", dir: "auto", tabindex: 0, role: "group" });
    let spans = [], drawn = -1;
    const fill = () => {
      const { look, cut } = view, { contributions } = look.shares, [from, to] = shown(), most = mostOf(contributions);
      if (from === drawn) return;
      drawn = from;
      let end = from ? look.offsets[from - 1][1] : 0;
      const content = from ? [make("span", { class: "more" }, "… ")] : [];
      spans = indices(from, to).map(t => {
        const [start, stop] = look.offsets[t];
        if (start > end) content.push(start - end > 400 ? " … " : visible(cut(end, start)));
        const span = tokenSpan(t, token(t), contributions[t], most, look.known[t] ? "" : " unknown");
        content.push(span);
        end = Math.max(end, stop);
        return span;
      });
      if (to < length()) content.push(" …");
      paragraph.replaceChildren(...content);
      set(paragraph, { "aria-label": plain("textLabel") });
    };
    paragraph.addEventListener("click", event => {
      const chosen = event.target.closest("[data-t]");
      if (chosen) move({ t: Number(chosen.dataset.t) }, "verdict");
    });
    paragraph.addEventListener("keydown", event => walk(event, "verdict"));
    watch(() => {
      paragraph.querySelector(".here")?.classList.remove("here");
      spans[view.t - drawn]?.classList.add("here");
    });
    return painted(paragraph, fill);
  }

  function verdict() {
    const { look } = view, { contributions, bias, logit, figures: { order: [top], half } } = look.shares, { unknown } = look.figures;
    const values = { count: number(half), n: number(length()), word: quoted(top), share: signed(contributions[top]),
      label: labelled(look.target), logit: signed(logit), bias: signed(bias) };
    const strongest = say(contributions[top] >= 0 ? "verdictFor" : "verdictAgainst", values);
    const warning = !look.text.trim() ? "emptyText" : unknown === length() ? "allUnknown" : length() === 1 ? "oneToken" : null;
    return first("verdict", lead(warning ? say(warning) : strongest), textView(), make("p", { class: "legend" }, swatches(),
      unknown ? make("span", { class: "swatch unknown" }, say("unknownWord", { n: number(unknown) })) : []));
  }
  return { verdict };
})(numbers, words, draw, state, text, sections);
