const mistakes = (({ data, number, percent, say, visible }, { make, foreign, button, fold, section, lead, note }) => {
  // The surest mistakes with their texts, the first few unfolded.
  const { evaluation: { errors, n }, figures: { wrong } } = data;
  const UNFOLDED = 5, FOLD = 420;  // mistakes; characters of one

  function mistake(error, index) {
    const signs = Array.from(error.text), paragraph = make("p", { dir: "auto", id: `text-${index}`, class: "text" });
    const fact = (key, value) => make("div", {}, make("dt", {}, say(key)), make("dd", {}, value));
    const facts = make("dl", {}, fact("true", foreign(error.label)), fact("predicted", foreign(error.predicted)),
      fact("probability", percent(error.probability)));
    const item = make("li", {}, make("p", { class: "row" }, say("row", { row: number(error.row) })), facts, paragraph);
    const toggle = button([], () => show(toggle.getAttribute("aria-expanded") !== "true"), { "aria-controls": paragraph.id });
    const beginning = `${signs.slice(0, FOLD).join("").replace(/\s+\S{0,20}$/, "")} …`;
    const show = open => {
      paragraph.textContent = visible(open ? error.text : beginning);
      toggle.setAttribute("aria-expanded", open);
      toggle.replaceChildren(say(open ? "showLess" : "showAll", { n: number(signs.length) }));
    };
    if (signs.length > FOLD * 1.25) { item.append(toggle); show(false); }
    else if (error.text.trim()) paragraph.textContent = visible(error.text);
    else paragraph.replaceChildren(make("em", {}, say("emptyText")));
    return item;
  }

  function mistakes() {
    if (!errors.length) return section("errors", lead(say(wrong ? "errorsNote" : "errorsNone")));
    const top = percent(errors[0].probability);  // the surest comes first
    const items = errors.map(mistake), list = some => make("ol", { class: "mistakes" }, some);
    return section("errors", lead(say("errorsLead", { wrong: number(wrong), n: number(n), top })), note("errorsNote"),
      list(items.slice(0, UNFOLDED)), items.length <= UNFOLDED ? [] :
        fold(say("errorsMore", { n: number(items.length - UNFOLDED) }), list(items.slice(UNFOLDED))));
  }
  return { mistakes };
})(words, draw);
