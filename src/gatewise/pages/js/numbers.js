const numbers = (() => {
  // Numbers out of base64, numbers as they are written, and the cell's formulas; knows no page and no text.

  // -- packed arrays --
  const KINDS = { u1: Uint8Array, i1: Int8Array, i2: Int16Array, f4: Float32Array };
  const opened = new WeakMap();
  function unpack(packed) {
    if (opened.has(packed)) return opened.get(packed);
    const bytes = Uint8Array.from(atob(packed.data), sign => sign.charCodeAt(0));
    const values = new KINDS[packed.kind](bytes.buffer), columns = packed.shape.at(-1), { scale } = packed;
    const at = scale ? (row, column) => values[row * columns + column] * scale[row] :
      (row, column) => values[row * columns + column];
    opened.set(packed, { at, columns });
    return opened.get(packed);
  }

  // -- lists --
  const known = value => value !== null && value !== undefined;
  const sum = values => values.reduce((total, value) => total + value, 0);
  const indices = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
  const best = (items, score) => items.reduce((top, item) => (score(item) > score(top) ? item : top), items[0]);
  const inside = (value, low, high) => Math.max(low, Math.min(high, value));
  // Python counts characters; JavaScript counts the halves of those beyond U+FFFF.
  function slicer(text) {
    const places = [0];
    for (const sign of text) places.push(places.at(-1) + sign.length);
    return (start, end) => text.slice(places[start], places[end]);
  }

  // -- numbers as they are written --
  const writers = new Map();  // a format is slow to make and quick to use
  function written(language, value, options) {
    const key = `${language} ${JSON.stringify(options)}`;
    if (!writers.has(key)) writers.set(key, new Intl.NumberFormat(language, options));
    return writers.get(key).format(value);
  }
  function formats(language) {
    const number = (value, most = 0, least = most, style = "decimal") => !known(value) ? "–" :
      written(language, value, { style, minimumFractionDigits: least, maximumFractionDigits: most });
    return {
      number,
      percent: (value, digits = 1) => number(value, digits, digits, "percent"),
      range: (low, high) => `${number(low)}–${number(high)}`,
      compact: value => written(language, value, { notation: "compact" }),
      exact: (value, digits = 3) => number(value, digits).replace("-", "−"),
      signed: (value, digits = 2) => written(language, value,
        { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "exceptZero" }).replace("-", "−"),
    };
  }
  const power = value => `10${[...String(Math.round(value))].map(sign => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("")}`;

  // Even places from at or below `low` to at or above `high`, about `count` steps apart, and the digits they need.
  function ticks(low, high, count) {
    const rough = (high - low || Math.abs(high) || 1) / count, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(factor => factor * size).find(wide => wide >= rough * 0.999);
    const first = Math.floor(low / step + 1e-6), last = Math.max(first + 1, Math.ceil(high / step - 1e-6));
    return { values: indices(first, last + 1).map(place => place * step),
      digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }

  // -- the cell: the six equations of one unit over a text, from the parts of its sums, [i, f, g, o] --
  const logistic = value => 1 / (1 + Math.exp(-value));
  function cellSteps(fromInput, fromState, bias, count, backward) {
    const steps = [], order = indices(0, count);
    let c = 0;
    for (const t of backward ? order.reverse() : order) {
      const parts = bias.map((_, gate) => [fromInput(gate, t), fromState(gate, t)]);
      const z = parts.map(([wx, uh], gate) => wx + uh + bias[gate]);
      const [i, f, o] = [logistic(z[0]), logistic(z[1]), logistic(z[3])], g = Math.tanh(z[2]), before = c;
      c = f * before + i * g;
      steps[t] = { parts, bias, z, i, f, g, o, before, c, h: o * Math.tanh(c) };
    }
    return steps;
  }

  return { unpack, known, sum, indices, best, inside, slicer, formats, power, ticks, logistic, cellSteps };
})();
