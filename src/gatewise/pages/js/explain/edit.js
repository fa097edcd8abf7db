const edit = (({ slicer }, { data, number, percent, plain, say, visible }, { make, foreign, button, lead, note },
  { LONGEST, view, token, length, quoted, labelled, shown, watch, move, walk, did, remember, edit: edited },
  { curves, tokenSpan, mostOf, strip, under }, { later, answered }) => {
  // The verdict on a changed text; it begins with the strongest token taken out.
  // The text as it was and after a change, token by token: also what a held gate is compared with.
  function compared(answer, key) {
    const { look } = view, rows = [[look, "beforeKey"], [answer, "afterKey"]];
    return curves(plain(key), {
      series: [{ key: "beforeKey", kind: "before", values: look.running }, { key: "afterKey", kind: "now", values: answer.running }],
      low: 0, high: 1, write: value => percent(value, 0), at: () => [Math.max(0, Math.min(shown()[0], answer.running.length - 1)),
        Math.max(Math.min(length(), shown()[1]), Math.min(answer.running.length, shown()[0] + LONGEST))],
      readout: t => [number(t + 1), ...rows.map(([{ tokens, running }, name]) =>
        `${plain(name)} ${tokens[t] === undefined ? "–" : `${visible(tokens[t])} ${percent(running[t])}`}`)].join(" · "),
    });
  }
  const fromTo = answer => ({ label: labelled(view.look.target), before: percent(view.look.probabilities[view.look.target], 0),
    after: percent(answer.probability, 0) });

  function changedBy(changes) {
    let { text } = view.look;
    const cut = slicer(text);
    for (const { t, kind, other } of [...changes].sort((a, b) => b.t - a.t)) {
      const [start, end] = view.look.offsets[t], word = cut(start, end), before = cut(0, start).length;
      const rest = text.slice(before + word.length);
      const space = kind === "d" && /\s$/.test(text.slice(0, before)) && /^\s/.test(rest) ? 1 : 0;
      text = text.slice(0, before) + { d: "", r: `${word} ${word}`, s: other }[kind] + rest.slice(space);
    }
    return text;
  }

  function edit() {
    const result = make("div", { class: "result", "aria-live": "polite" }), chips = make("ul", { class: "chips" });
    const { look } = view, example = [edited("d", look.shares.figures.order[0])];
    const drop = button([], () => add("d"), { id: "drop" }), twice = button([], () => add("r"), { id: "twice" });
    const other = make("input", { type: "text", "aria-label": plain("swapWith"), maxlength: 60, id: "swap-word", placeholder: plain("swapWith") });
    const swap = button([], () => other.value.trim() && add("s", other.value.trim()), { id: "swap" });
    const undo = button(say("undo"), () => { view.edits = (view.edits ?? []).slice(0, -1); update(); remember(); }, { id: "undo" });
    const around = strip();
    around.addEventListener("click", event => { const t = under(event); if (!Number.isNaN(t)) move({ t }); });
    around.addEventListener("keydown", event => (event.key === "Delete" ? drop.click() : walk(event)));
    other.addEventListener("keydown", event => event.key === "Enter" && swap.click());
    const show = answer => {
      result.replaceChildren(lead(say("editTo", fromTo(answer))));
      if (answer.running === undefined) return;
      const small = make("p", { class: "reading after", dir: "auto" }), most = mostOf(answer.contributions);
      small.append(...answer.tokens.slice(0, 400).flatMap((word, t) => [tokenSpan(null, word, answer.contributions[t], most), " "]),
        answer.tokens.length > 400 ? "…" : "");
      result.append(compared(answer, "edit"), small);
    };
    let asked = null;
    const update = () => {
      const changes = view.edits ?? example, key = changes.map(({ code }) => code).join();
      if (key === asked) return;
      asked = key;
      chips.replaceChildren(...changes.map(({ kind, word, other }) => make("li", {}, say({ d: "dropped", r: "repeated", s: "swapped" }[kind],
        { word: foreign(word), other: foreign(other ?? "") }))));
      undo.hidden = !changes.length;
      if (!changes.length) result.replaceChildren(lead(say("editNone")));
      else answered({ ask: "brief", target: look.target, ...(data.live ? { text: changedBy(changes) } : { token: changes[0].t }) }, result, show);
    };
    const add = (kind, word) => {
      const before = data.live ? (view.edits ?? []).filter(({ t }) => t !== view.t) : [];
      view.edits = [...before, edited(kind, view.t, word)];
      did("edit");
      update();
      remember();
    };
    watch(() => [[drop, "drop"], [twice, "repeat"], [swap, "swap"]].forEach(([one, key]) =>
      one.replaceChildren(say(key, { word: quoted(view.t) }))));
    return later("edit", update, note(data.live ? "editNote" : "editNoteFile"), around,
      make("p", { class: "controls" }, drop, ...(data.live ? [twice, swap, other] : []), undo), chips, result);
  }
  return { edit, compared, fromTo };
})(numbers, words, draw, state, text, sections);
