const pieces = (({ signed, percent, visible }, { make, foreign }) => {
  // What several views draw: a reading with its spans marked, and bars to both sides of zero.
  // A sentence with spans in brackets of their own; `name` gives a tag's or label's text.
  function marked(tokens, { spans, path }, tags, plain) {
    if (plain) return tokens.flatMap((token, t) => [foreign(token), make("small", {}, ` ${visible(tags[path[t]])} `)]);
    const parts = [];
    tokens.forEach((token, t) => {
      const span = spans.find(({ start, end }) => start <= t && t < end);
      if (!span) { parts.push(foreign(token), " "); return; }
      if (span.start === t) parts.push(entity(tokens.slice(t, span.end).join(" "), span.label), " ");
    });
    return parts;
  }
  const entity = (text, label, probability) => make("span", { class: "entity" }, foreign(text),
    label || probability !== undefined ? make("small", {}, ` ${visible(label)}${probability === undefined ? "" : ` ${percent(probability, 0)}`}`) : []);

  // Rows of [name, value]; a bar says how large, and its side and colour whether it speaks for or against.
  function bars(rows, write = signed) {
    const most = Math.max(...rows.map(([, value]) => Math.abs(value)), 1e-9);
    return make("ul", { class: "bars" }, rows.map(([name, value, kind]) => {
      const bar = make("span", { class: `bar ${kind ?? (value >= 0 ? "for" : "against")}` });
      bar.style.width = `${Math.abs(value) / most * 50}%`;
      return make("li", {}, make("span", { class: "name" }, name), make("span", { class: "track", "aria-hidden": "true" }, bar),
        make("span", { class: "amount" }, write(value)));
    }));
  }
  // Rows of [name, share, bold]; from 0 to 1.
  function chances(rows) {
    return make("ul", { class: "bars chances" }, rows.map(([name, share, own]) => {
      const bar = make("span", { class: "bar whole" });
      bar.style.width = `${share * 100}%`;
      return make("li", own ? { class: "own" } : {}, make("span", { class: "name" }, name), make("span", { class: "track", "aria-hidden": "true" }, bar),
        make("span", { class: "amount" }, percent(share)));
    }));
  }
  return { marked, entity, bars, chances };
})(words, draw);
