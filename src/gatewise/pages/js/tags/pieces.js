const pieces = (({ indices }, { data, signed, percent, visible }, { make, foreign }, { sentence, near, wording, gap }) => {
  // What several views draw: a reading with its spans marked, and bars to both sides of zero.
  function marked({ spans, path }) {
    const { tokens } = sentence(), [from, to] = near(), parts = from ? ["… "] : [];
    const small = text => make("small", {}, ` ${visible(text)} `);
    for (const t of indices(from, to)) {
      const span = spans.find(({ start, end }) => start <= t && t < end);
      if (span && span.start < t && t > from) continue;
      parts.push(gap(t), span ? make("span", { class: "entity" }, foreign(wording(t, span.end)), span.label ? small(span.label) : "") : foreign(tokens[t]));
      if (data.plain) parts.push(small(data.tags[path[t]]));
    }
    return make("p", { class: "reading", dir: "auto" }, parts, to < tokens.length ? "…" : []);
  }

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
  const chance = share => (share > 0 && share < 0.0005 ? `< ${percent(0.001)}` : percent(share));
  // Rows of [name, share, bold]; from 0 to 1.
  function chances(rows) {
    return make("ul", { class: "bars chances" }, rows.map(([name, share, own]) => {
      const bar = make("span", { class: "bar whole" });
      bar.style.width = `${share * 100}%`;
      return make("li", own ? { class: "own" } : {}, make("span", { class: "name" }, name), make("span", { class: "track", "aria-hidden": "true" }, bar),
        make("span", { class: "amount" }, chance(share)));
    }));
  }
  return { marked, bars, chance, chances };
})(numbers, words, draw, place);
