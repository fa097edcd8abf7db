const draw = (({ best, inside }, { plain, say, visible }) => {
  // Elements, tables, and charts that can be pointed at and walked through with the arrow keys; knows no report.
  // Texts and labels are strangers' words: they enter only as text nodes.

  // -- elements --
  const set = (element, attributes) => {
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const builder = space => (name, attributes = {}, ...children) => {
    const element = set(document.createElementNS(space, name), attributes);
    element.append(...children.flat());
    return element;
  };
  const make = builder("http://www.w3.org/1999/xhtml");
  const shape = builder("http://www.w3.org/2000/svg");
  const label = (x, y, content, anchor = "middle", name = "tick") =>
    shape("text", { x, y, "text-anchor": anchor, class: name }, content);
  const line = (x1, y1, x2, y2, name) => shape("line", { x1, y1, x2, y2, class: name });
  const foreign = text => make("bdi", { dir: "auto" }, visible(text));
  function button(content, act, attributes = {}) {
    const element = make("button", { type: "button", ...attributes }, content);
    element.addEventListener("click", act);
    return element;
  }

  function table(headers, rows, caption) {
    const head = make("tr", {}, headers.map(key => make("th", { scope: "col" }, say(key))));
    const body = rows.map(([first, ...rest]) =>
      make("tr", {}, make("th", { scope: "row" }, first), rest.map(cell => make("td", {}, cell))));
    return make("table", {}, caption ? make("caption", {}, caption) : [], make("thead", {}, head),
      make("tbody", {}, body));
  }
  const scrolling = (content, key) =>
    make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": plain(key) }, content);
  const fold = (title, content) => make("details", {}, make("summary", {}, title), content);
  const folded = (key, content, name) => fold(say(key), scrolling(content, name));

  const section = (key, ...children) =>
    make("section", { "aria-labelledby": key }, make("h2", { id: key }, say(key)), children.flat());
  const lead = (...content) => make("p", { class: "lead" }, content.flat());
  const note = (key, values) => make("p", { class: "note" }, say(key, values));

  // -- painting: what depends on the width is drawn again when it changes; what is gone or folded is not --
  let painters = [], painting = false;
  const painted = (element, paint) => {
    painters.push({ element, paint });
    return element;
  };
  const blank = () => { painters = []; };
  function repaint() {
    if (painting) return;
    painting = true;
    painters = painters.filter(({ element }) => element.isConnected);
    painters.filter(({ element }) => !element.closest("details:not([open])")).forEach(({ paint }) => paint());
    painting = false;
  }
  const widthOf = element => Math.max(240, element.parentNode.clientWidth);

  // -- charts: paint(svg, width) draws and gives the height and the stops [{x, y, width, height, text}] --
  // pick(index), if given, is called for a stop that was clicked or walked to; figure.go(index) moves there from outside.
  function chart(name, paint, caption = [], pick = () => {}) {
    const svg = shape("svg", { tabindex: 0, role: "slider", "aria-label": name, "aria-valuemin": 1, class: "chart" });
    const readout = make("p", { class: "readout" }, painters.some(({ element }) => element.getAttribute("role") === "slider") ? [] : say("hint"));
    let stops = [], cursor, at = -1;
    const go = index => {
      at = index;
      if (!stops.length) return;  // folded, not drawn yet
      at = inside(index, 0, stops.length - 1);
      const { text, ...box } = stops[at];
      set(cursor, box);
      set(svg, { "aria-valuenow": at + 1, "aria-valuetext": text });
      readout.textContent = text;
      readout.classList.add("live");
    };
    const point = ({ clientX, clientY }) => {
      const frame = svg.getBoundingClientRect(), upright = stops[0].height > stops[0].width;
      const far = ({ x, y, width, height }) =>
        (upright ? x + width / 2 - (clientX - frame.left) : y + height / 2 - (clientY - frame.top));
      go(stops.indexOf(best(stops, stop => -Math.abs(far(stop)))));
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", event => { point(event); pick(at); });
    svg.addEventListener("keydown", event => {
      const [back, on] = [at - 1, at + 1];
      const moves = { ArrowRight: on, ArrowDown: on, ArrowLeft: back, ArrowUp: back, Home: 0, End: stops.length };
      if (!(event.key in moves)) return;
      event.preventDefault();
      go(moves[event.key]);
      pick(at);
    });
    svg.addEventListener("focus", () => at < 0 && go(0));
    painted(svg, () => {
      const width = widthOf(svg);
      cursor = shape("rect", { class: "cursor" });
      svg.replaceChildren(cursor);
      const [height, drawn] = paint(svg, width);
      stops = drawn;
      set(svg, { width, height, viewBox: `0 0 ${width} ${height}`, "aria-valuemax": stops.length,
        "aria-valuenow": Math.max(1, at + 1), "aria-valuetext": stops[inside(at, 0, stops.length - 1)].text });
      if (at >= 0) go(at);
    });
    return Object.assign(make("figure", {}, make("figcaption", {}, caption), svg, readout), { go });
  }

  function axes(svg, box, across, up, write) {
    const scale = ({ values, end = values.at(-1) }, from, to) => value =>
      from + (value - values[0]) / (end - values[0]) * (to - from);
    const [x, y] = [scale(across, box.left, box.right), scale(up, box.bottom, box.top)];
    for (const value of up.values) {
      svg.append(line(box.left, y(value), box.right, y(value), "grid"));
      svg.append(label(box.left - 8, y(value) + 4, write.up(value, up.digits), "end"));
    }
    for (const value of across.values) svg.append(label(x(value), box.bottom + 18, write.across(value, across.digits)));
    if (write.name) svg.append(label((box.left + box.right) / 2, box.bottom + 38, plain(write.name), "middle", "axis"));
    return [x, y];
  }

  return { set, make, shape, label, line, foreign, button, table, scrolling, fold, folded, section, lead, note, painted, blank, repaint,
    widthOf, chart, axes };
})(numbers, words);
