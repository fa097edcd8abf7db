const text = (({ ticks, indices }, { number, percent, plain, say, visible }, { make, shape, label, line, chart },
  { view, token, length, labelled, shown, watch, move }) => {
  // What several views draw: curves over a text, and its tokens in the colours of their shares.

  // -- curves over the text or over anything else that goes from left to right --
  const LEFT = 46, RIGHT = 14;
  function curves(name, { series, low, high, write = percent, at = shown, caption, pick, marks = [], readout, axis = "tokenAxis" }) {
    return chart(name, (svg, width) => {
      const [first, end] = at();
      const box = { left: LEFT, right: width - RIGHT, top: 10, bottom: 10 + Math.min(190, Math.max(120, width * 0.24)) };
      const x = t => box.left + (t - first + 0.5) / (end - first) * (box.right - box.left);
      const scale = ticks(low, high, 4), [bottom, top] = [Math.min(low, scale.values[0]), Math.max(high, scale.values.at(-1))];
      const y = value => box.bottom - (value - bottom) / (top - bottom) * (box.bottom - box.top);
      for (const value of scale.values) {
        svg.append(line(box.left, y(value), box.right, y(value), "grid"));
        svg.append(label(box.left - 8, y(value) + 4, write(value, scale.digits), "end"));
      }
      const each = typeof axis === "function" && width > 560, stops = each ? indices(first, end) : [first, end - 1];
      const named = typeof axis === "function" ? axis : t => (t === end - 1 ? `${plain(axis)} ${number(end)}` : number(t + 1));
      for (const t of stops) svg.append(label(each ? x(t) : t === first ? box.left : box.right, box.bottom + 18, named(t),
        each ? "middle" : t === first ? "start" : "end"));
      for (const { values, kind } of typeof series === "function" ? series() : series) {
        const places = indices(first, Math.min(end, values.length)).map(t => `${x(t).toFixed(1)} ${y(values[t]).toFixed(1)}`);
        svg.append(shape("path", { d: `M${places.join("L")}`, class: `curve ${kind}` }));
        if (places.length === 1) svg.append(shape("circle", { cx: x(first), cy: y(values[first]), r: 3, class: `spot ${kind}` }));
      }
      for (const { t, value } of marks) {
        if (t >= first && t < end) svg.append(shape("circle", { cx: x(t), cy: y(value), r: 5, class: "dot" }));
      }
      const wide = Math.max(1.5, x(first + 1) - x(first));
      return [box.bottom + 26, indices(first, end).map(t => ({
        x: x(t) - wide / 2, y: box.top, width: wide, height: box.bottom - box.top, text: readout(t),
      }))];
    }, caption ?? series.map(({ key, kind }) => make("span", { class: `key ${kind}` }, say(key))),
    index => pick && pick(index + at()[0]));
  }
  // A chart over the text: a click goes to the token, and the reader's place is marked.
  function overText(name, options) {
    const figure = curves(name, { ...options, pick: t => move({ t }, options.act) });
    watch(() => figure.go(view.t - shown()[0]));
    return figure;
  }

  // -- tokens --
  const shareClass = share => (share >= 0 ? "for" : "against");
  function tokenSpan(t, word, share, most, more = "") {
    const span = make("bdi", { class: `token ${shareClass(share)}${more}`, ...(t === null ? {} : { "data-t": t }) }, visible(word || "∅"));
    span.style.setProperty("--share", most ? Math.min(1, Math.sqrt(Math.abs(share) / most)) : 0);
    return span;
  }
  const mostOf = contributions => Math.max(...contributions.map(Math.abs), 1e-9);
  const swatches = () => [make("span", { class: "swatch for" }, say("towards", { label: labelled(view.look.target) })),
    make("span", { class: "swatch against" }, say("awayFrom", { label: labelled(view.look.target) }))];
  // The tokens around the reader.
  const AROUND = 12;
  function strip() {
    const holder = make("div", { class: "strip", tabindex: 0, role: "group", "aria-label": plain("strip"), dir: "auto" });
    watch(() => {
      const { contributions } = view.look.shares, most = mostOf(contributions);
      const from = Math.max(0, Math.min(length() - 2 * AROUND - 1, view.t - AROUND)), to = Math.min(length(), from + 2 * AROUND + 1);
      holder.replaceChildren(...indices(from, to).map(t => tokenSpan(t, token(t), contributions[t], most,
        `${t >= view.from && t < view.to ? " chosen" : ""}${t === view.t ? " here" : ""}`)));
    });
    return holder;
  }
  const under = event => Number(document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-t]")?.dataset.t ?? NaN);

  return { LEFT, RIGHT, curves, overText, shareClass, tokenSpan, mostOf, swatches, strip, under };
})(numbers, words, draw, state);
