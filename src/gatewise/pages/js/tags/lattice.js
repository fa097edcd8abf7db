const lattice = (({ indices, inside, unpack }, { data, number, percent, exact, signed, plain, say, visible },
  { make, shape, line, foreign, table, section, lead, note },
  { view, numbers, sentence, stretch, other, meeting, watch, change, cost, allowed, drawn, left }) => {
  // Tokens across, tags down: emissions, the best way to each tag, what it scores so far, and why one path wins.
  const WINDOW = 40, WIDE = 132, NODE = 84, HIGH = 46, HEAD = 34;  // tokens drawn at once; pixels
  const chain = Object.fromEntries(Object.entries(data.chain).map(([name, packed]) => [name, unpack(packed).at]));
  const move = (from, to) => chain.transitions(from, to);
  const tagged = tag => foreign(data.tags[tag]);
  let rows = [], cells = new Map();
  const span = () => {
    const count = sentence().tokens.length, from = inside(view.t - WINDOW / 2, 0, Math.max(0, count - WINDOW));
    return [from, Math.min(count, from + WINDOW)];
  };

  function lattice() {
    const frame = make("div", { class: "scroll lattice", role: "region" }), said = make("div", { class: "workings", "aria-live": "polite", id: "workings" });
    const counted = note("latticeNote"), key = make("p", { class: "legend" });
    const draw = () => {
      rows = drawn();
      const others = left(rows), most = Math.max(0, ...others.map(tag => sentence().likeliest[tag]));
      counted.replaceChildren(say("latticeNote"), " ", ...(others.length ? [say("tagsLeft", { n: number(others.length), p: percent(most) })] : []),
        ...(span()[1] - span()[0] < sentence().tokens.length ? [" ", say("latticeWindow", { n: number(WINDOW) })] : []));
      key.replaceChildren(make("span", { class: "key" }, say("pathBest")), other() ? make("span", { class: "key two" }, say("pathOther")) : "",
        make("span", { class: "key thin" }, say("pathThin")));
      cells = new Map();
      frame.setAttribute("aria-label", plain("lattice"));
      frame.replaceChildren(make("div", { class: "sheet" }, edges(), grid()));
    };
    const settle = () => {
      for (const cell of frame.querySelectorAll(".node.here")) { cell.classList.remove("here"); cell.tabIndex = -1; }
      const cell = cells.get(view.node.join(" "));
      if (cell) { cell.classList.add("here"); cell.tabIndex = 0; }
      said.replaceChildren(...workings());
      return cell;
    };
    frame.addEventListener("click", event => {
      const cell = event.target.closest("[data-node]");
      if (cell) { change("node", cell.dataset.node.split(" ").map(Number)); cells.get(view.node.join(" ")).focus(); }
    });
    frame.addEventListener("keydown", event => {
      const [t, tag] = view.node, [from, to] = span(), row = rows.indexOf(tag);
      const moves = { ArrowRight: [t + 1, row], ArrowLeft: [t - 1, row], ArrowDown: [t, row + 1], ArrowUp: [t, row - 1], Home: [from, row], End: [to, row] };
      if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const [next, down] = moves[event.key];
      change("node", [inside(next, from, to - 1), rows[inside(down, 0, rows.length - 1)]]);
      cells.get(view.node.join(" ")).focus();
    });
    watch(what => {
      if (what !== "node") draw();
      const cell = settle();
      if (what === "place" && cell) frame.scrollLeft = Math.max(0, (stretch()[0] - span()[0]) * WIDE - WIDE / 2);
    });
    return section("lattice", lead(say("latticeLead")), key, frame, said, counted);
  }

  // -- the table of nodes, over the edges --
  function grid() {
    const { tokens, path } = sentence(), [from, to] = span(), chosen = stretch(), at = name => numbers(sentence(), name);
    const [running, emission, marginal] = ["running", "emissions", "marginals"].map(at), ends = to === tokens.length;
    const totals = rows.map(tag => (allowed(to - 1, tag) ? running(to - 1, tag) + chain.stop(0, tag) : -9999)), top = Math.max(...totals);
    const head = make("tr", {}, make("td", { class: "corner" }), indices(from, to).map(t => make("th", { scope: "col",
      ...(t >= chosen[0] && t < chosen[1] ? { class: "here" } : {}) }, foreign(tokens[t]))), ends ? make("th", { scope: "col" }, say("end")) : []);
    const lines = rows.map((tag, row) => make("tr", {}, make("th", { scope: "row" }, tagged(tag)), indices(from, to).map(t => {
      const may = allowed(t, tag), share = marginal(t, tag);
      const cell = make("button", { type: "button", class: `node${path[t] === tag ? " best" : ""}${may ? "" : " never"}`, tabindex: -1, "data-node": `${t} ${tag}`,
        "aria-label": plain(may ? "node" : "nodeNever", { word: visible(tokens[t]), tag: visible(data.tags[tag]), running: exact(running(t, tag), 2),
          emission: signed(emission(t, tag)), p: percent(share) }) },
      may ? [make("strong", {}, exact(running(t, tag), 2)), make("span", {}, signed(emission(t, tag)))] : "–");
      cell.style.setProperty("--share", share);
      cells.set(`${t} ${tag}`, cell);
      return make("td", {}, cell);
    }), ends ? make("td", {}, make("span", { class: `node end${tag === path.at(-1) ? " best" : ""}` }, totals[row] > -5000 ?
      [make("strong", {}, exact(totals[row], 2)), make("span", {}, totals[row] === top ? say("wins") : exact(totals[row] - top, 2))] : "–")) : []));
    return make("table", {}, make("thead", {}, head), make("tbody", {}, lines));
  }
  function edges() {
    const { path, before, tokens } = sentence(), [from, to] = span(), ends = to === tokens.length, second = other()?.path;
    const wide = (to - from + (ends ? 1 : 0)) * WIDE, svg = shape("svg", { width: wide, height: HEAD + rows.length * HIGH, class: "edges", "aria-hidden": "true" });
    const y = tag => HEAD + (rows.indexOf(tag) + 0.5) * HIGH, x = t => (t - from) * WIDE, gap = (WIDE - NODE) / 2;
    const edge = (t, one, next, kind) => line(x(t) - gap, y(one), x(t) + gap, y(next), `edge ${kind}`);
    const told = (t, one, next, value, kind) => shape("text", { x: x(t), y: (y(one) + y(next)) / 2 + (one === next ? -5 : 4), "text-anchor": "middle", class: kind },
      signed(value));
    const labels = [];
    for (const t of indices(from + 1, to)) {
      for (const tag of rows) if (allowed(t, tag) && rows.includes(before[t][tag])) svg.append(edge(t, before[t][tag], tag, "thin"));
      if (second && (second[t - 1] !== path[t - 1] || second[t] !== path[t])) {
        svg.append(edge(t, second[t - 1], second[t], "two"));
        labels.push(told(t, second[t - 1], second[t], move(second[t - 1], second[t]), "told"));
      }
      svg.append(edge(t, path[t - 1], path[t], "one"));
      labels.push(told(t, path[t - 1], path[t], move(path[t - 1], path[t]), "told one"));
    }
    if (ends) svg.append(edge(to, path[to - 1], path[to - 1], "one"), ...(second && second[to - 1] !== path[to - 1] ?
      [edge(to, second[to - 1], second[to - 1], "two")] : []));
    svg.append(...labels);
    return svg;
  }

  // -- the arithmetic of one node --
  function workings() {
    const [t, tag] = view.node, { tokens, path } = sentence(), [running, emission] = ["running", "emissions"].map(name => numbers(sentence(), name));
    const heading = make("h3", {}, foreign(tokens[t]), " · ", tagged(tag));
    if (!allowed(t, tag)) return [heading, make("p", {}, say("neverSaid"))];
    const ways = t ? indices(0, data.tags.length).map(from => ({ from, score: running(t - 1, from), step: move(from, tag) }))
      .filter(({ score, step }) => score + step > -5000).sort((one, next) => next.score + next.step - one.score - one.step) : [];
    const [winner] = ways, added = signed(emission(t, tag)), reached = exact(running(t, tag), 2);
    const said = t ? say("waySaid", { from: tagged(winner.from), score: exact(winner.score, 2), step: signed(winner.step), emission: added, reached }) :
      say("startSaid", { step: signed(chain.start(0, tag)), emission: added, reached });
    const behind = cost(t, tag);
    const meets = other() && String(meeting()) === String(view.node) && other().path[t] === tag;
    const verdict = meets ? say("meetSaid") : path[t] === tag ? say("onPath") : say("offPath", { behind: number(behind, 2), times: number(Math.exp(Math.min(behind, 30)), behind < 2.3 ? 2 : 0) });
    const list = table(["from", "soFar", "transition", "sum"], ways.slice(0, 5).map(({ from, score, step }, place) => [[tagged(from), place ? "" : " ✓"],
      exact(score, 2), signed(step), exact(score + step, 2)]));
    const hidden = data.tags.length - ways.length;
    return [heading, make("p", {}, said), make("p", {}, verdict), ...(t ? [make("div", { class: "scroll" }, list)] : []),
      ...(t && hidden ? [note("notAllowed", { n: number(hidden) })] : [])];
  }
  return { lattice };
})(numbers, words, draw, place);
