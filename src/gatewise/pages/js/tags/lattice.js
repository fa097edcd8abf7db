const lattice = (({ indices, inside, unpack }, { data, number, percent, exact, signed, plain, say, visible },
  { make, shape, line, foreign, table, section, lead, note },
  { NEVER, view, numbers, sentence, stretch, other, meeting, watch, change, cost, allowed, drawn, left }) => {
  // Tokens across, tags down: emissions, the best way to each tag, what it scores so far, and why one path wins.
  const WINDOW = 40;  // tokens drawn at once
  const WIDE = 132, NODE = 84, HIGH = 46, HEAD = 34, ROOM = 600;  // pixels, as in the style
  const chain = Object.fromEntries(Object.entries(data.chain).map(([name, packed]) => [name, unpack(packed).at]));
  const tagged = tag => foreign(data.tags[tag]);
  let rows = [], cells = new Map();  // tags drawn; the button of each node
  const name = (t, tag) => `${t} ${tag}`, named = node => cells.get(name(...node));
  function span() {
    const count = sentence().tokens.length, from = inside(view.t - WINDOW / 2, 0, Math.max(0, count - WINDOW));
    return [from, Math.min(count, from + WINDOW)];
  }

  function lattice() {
    const frame = make("div", { class: "scroll lattice", role: "region", "aria-label": plain("lattice") });
    const said = make("div", { class: "workings", "aria-live": "polite", id: "workings" });
    const counted = note("latticeNote"), key = make("p", { class: "legend" });
    const draw = () => {
      rows = drawn();
      cells = new Map();
      const others = left(rows), most = Math.max(0, ...others.map(tag => sentence().likeliest[tag])), [from, to] = span();
      counted.replaceChildren(say("latticeNote"));
      if (others.length) counted.append(" ", say("tagsLeft", { n: number(others.length), p: percent(most) }));
      if (to - from < sentence().tokens.length) counted.append(" ", say("latticeWindow", { n: number(WINDOW) }));
      const keys = [["", "pathBest"], ...(other() ? [["two", "pathOther"]] : []), ["thin", "pathThin"]];
      key.replaceChildren(...keys.map(([kind, word]) => make("span", { class: `key ${kind}` }, say(word))));
      frame.replaceChildren(make("div", { class: "sheet" }, edges(), grid()));
    };
    const settle = () => {
      for (const cell of frame.querySelectorAll(".node.here")) {
        cell.classList.remove("here");
        cell.tabIndex = -1;
      }
      named(view.node)?.classList.add("here");
      if (named(view.node)) named(view.node).tabIndex = 0;
      said.replaceChildren(...workings());
    };
    const go = node => {
      change("node", node);
      named(node).focus();
    };
    frame.addEventListener("click", event => {
      const cell = event.target.closest("[data-node]");
      if (cell) go(cell.dataset.node.split(" ").map(Number));
    });
    frame.addEventListener("keydown", event => {
      const [t, tag] = view.node, [from, to] = span(), row = rows.indexOf(tag);
      const moves = { ArrowRight: [t + 1, row], ArrowLeft: [t - 1, row], ArrowDown: [t, row + 1], ArrowUp: [t, row - 1],
        Home: [from, row], End: [to, row] };
      if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const [next, down] = moves[event.key];
      go([inside(next, from, to - 1), rows[inside(down, 0, rows.length - 1)]]);
    });
    watch(what => {
      if (what !== "node") draw();
      settle();
      const before = frame.clientWidth > ROOM ? 1 : 0;
      if (what === "place") frame.scrollLeft = Math.max(0, stretch()[0] - span()[0] - before) * WIDE;
    });
    return section("lattice", lead(say("latticeLead")), key, frame, said, counted);
  }

  // -- the table of nodes, over the edges --
  function grid() {
    const { tokens, path } = sentence(), [from, to] = span(), [start, end] = stretch(), ends = to === tokens.length;
    const heads = indices(from, to).map(t => make("th", { scope: "col", class: t >= start && t < end ? "here" : "" }, foreign(tokens[t])));
    const finals = ends ? totals() : [];
    const lines = rows.map((tag, row) => make("tr", {}, make("th", { scope: "row" }, tagged(tag)),
      indices(from, to).map(t => make("td", {}, node(t, tag))),
      ends ? make("td", {}, make("span", { class: `node end${tag === path.at(-1) ? " best" : ""}` }, finals[row])) : []));
    const last = ends ? make("th", { scope: "col" }, say("end")) : [];
    return make("table", {}, make("thead", {}, make("tr", {}, make("td", { class: "corner" }), heads, last)), make("tbody", {}, lines));
  }
  function node(t, tag) {
    const [running, emission, share] = ["running", "emissions", "marginals"].map(one => numbers(sentence(), one)(t, tag));
    const may = allowed(t, tag), best = sentence().path[t] === tag;
    const values = { word: visible(sentence().tokens[t]), tag: visible(data.tags[tag]), running: exact(running, 2), emission: signed(emission),
      p: percent(share) };
    const cell = make("button", { type: "button", class: `node${best ? " best" : ""}${may ? "" : " never"}`, tabindex: -1, "data-node": name(t, tag),
      "aria-label": plain(may ? "node" : "nodeNever", values) }, may ? [make("strong", {}, values.running), make("span", {}, values.emission)] : "–");
    cell.style.setProperty("--share", share);
    cells.set(name(t, tag), cell);
    return cell;
  }
  // What each tag reaches at the end of the sentence, and by how much it falls short.
  function totals() {
    const last = sentence().tokens.length - 1, running = numbers(sentence(), "running");
    return rows.map(tag => {
      if (!allowed(last, tag)) return "–";
      const behind = cost(last, tag), wins = tag === sentence().path[last];
      return [make("strong", {}, exact(running(last, tag) + chain.stop(0, tag), 2)), make("span", {}, wins ? say("wins") : exact(-behind, 2))];
    });
  }
  function edges() {
    const { path, before, tokens } = sentence(), [from, to] = span(), ends = to === tokens.length, second = other()?.path;
    const svg = shape("svg", { width: (to - from + ends) * WIDE, height: HEAD + rows.length * HIGH, class: "edges", "aria-hidden": "true" });
    const y = tag => HEAD + (rows.indexOf(tag) + 0.5) * HIGH, x = t => (t - from) * WIDE, gap = (WIDE - NODE) / 2;
    const edge = (t, one, next, kind) => line(x(t) - gap, y(one), x(t) + gap, y(next), `edge ${kind}`);
    const told = (t, one, next, kind) => shape("text", { x: x(t), y: (y(one) + y(next)) / 2 + (one === next ? -5 : 4), "text-anchor": "middle",
      class: `told ${kind}` }, signed(chain.transitions(one, next)));
    const labels = [];
    for (const t of indices(from + 1, to)) {
      for (const tag of rows) if (allowed(t, tag) && rows.includes(before[t][tag])) svg.append(edge(t, before[t][tag], tag, "thin"));
      for (const [kind, way] of [["two", second], ["one", path]]) {
        if (!way || (kind === "two" && way[t - 1] === path[t - 1] && way[t] === path[t])) continue;
        svg.append(edge(t, way[t - 1], way[t], kind));
        labels.push(told(t, way[t - 1], way[t], kind));
      }
    }
    const last = tag => edge(to, tag, tag, tag === path[to - 1] ? "one" : "two");
    if (ends) svg.append(last(path[to - 1]), ...(second && second[to - 1] !== path[to - 1] ? [last(second[to - 1])] : []));
    svg.append(...labels);
    return svg;
  }

  // -- the arithmetic of one node --
  function workings() {
    const [t, tag] = view.node, { tokens, path } = sentence();
    const [running, emissions] = ["running", "emissions"].map(one => numbers(sentence(), one));
    const heading = make("h3", {}, foreign(tokens[t]), " · ", tagged(tag));
    if (!allowed(t, tag)) return [heading, make("p", {}, say("neverSaid"))];
    const emission = signed(emissions(t, tag)), reached = exact(running(t, tag), 2), behind = cost(t, tag);
    const meets = other() && name(...meeting()) === name(t, tag) && other().path[t] === tag;
    const verdict = make("p", {}, meets ? say("meetSaid") : path[t] === tag ? say("onPath") :
      say("offPath", { behind: number(behind, 2), times: number(Math.exp(Math.min(behind, 30)), behind < 2.3 ? 2 : 0) }));
    if (!t) return [heading, make("p", {}, say("startSaid", { step: signed(chain.start(0, tag)), emission, reached })), verdict];
    const ways = indices(0, data.tags.length).map(from => ({ from, score: running(t - 1, from), step: chain.transitions(from, tag) }))
      .map(way => ({ ...way, sum: way.score + way.step })).sort((one, next) => next.sum - one.sum);
    const [{ from, score, step, sum }] = ways, may = ways.filter(way => way.sum > sum - NEVER);
    const list = table(["from", "soFar", "transition", "sum"], may.slice(0, 5).map((way, place) =>
      [[tagged(way.from), place ? "" : " ✓"], exact(way.score, 2), signed(way.step), exact(way.sum, 2)]));
    return [heading, make("p", {}, say("waySaid", { from: tagged(from), score: exact(score, 2), step: signed(step), emission, reached })),
      verdict, make("div", { class: "scroll" }, list), ways.length > may.length ? note("notAllowed", { n: number(ways.length - may.length) }) : ""];
  }
  return { lattice };
})(numbers, words, draw, place);
