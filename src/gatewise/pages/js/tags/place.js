const place = (({ unpack, inside, known, indices, slicer }, { data, spoken, visible }) => {
  // What the page was given, which word or span the reader looks at, who watches that, and the link that restores it.
  const { sentences, tags } = data;
  const LONGEST = 1000;  // tokens shown at once
  const NEVER = 1000;  // what lies so far below the best reading takes a step that the rules forbid
  const view = { s: 0, t: 0, whole: false, node: null, reading: -1 };  // node: [t, tag] of the lattice; reading: drawn beside the best
  const starts = sentences.reduce((all, { tokens }) => [...all, all.at(-1) + tokens.length], [0]);
  const numbers = (sentence, name) => unpack(sentence[name]).at;
  const sentence = () => sentences[view.s], cut = slicer(data.text);
  // The text of some tokens as it stands, and what stands before one.
  const wording = (start, end, { offsets } = sentence()) => visible(cut(offsets[start][0], offsets[end - 1][1]));
  const gap = (t, { offsets } = sentence()) => (t && offsets[t][0] > offsets[t - 1][1] ? visible(cut(offsets[t - 1][1], offsets[t][0])) : "");
  const spanAt = (s, t) => sentences[s].spans.find(({ start, end }) => start <= t && t < end);
  const span = () => (view.whole ? spanAt(view.s, view.t) : undefined);
  const stretch = () => { const own = span(); return own ? [own.start, own.end] : [view.t, view.t + 1]; };
  const decision = () => sentence().decisions[(span() ? span().decision : sentence().decided[view.t]) ?? -1];
  // A decision's rival as a whole reading: it is the best one but for some words.
  function rival() {
    const found = decision(), { path, spans } = sentence();
    if (!found) return undefined;
    const end = found.start + found.path.length, apart = spans.filter(one => one.end <= found.start || one.start >= end);
    return { path: [...path.slice(0, found.start), ...found.path, ...path.slice(end)],
      spans: [...apart, ...found.spans].sort((one, next) => one.start - next.start) };
  }
  // The reading drawn beside the best one: the one chosen, else the rival of what is looked at.
  const other = () => (view.reading >= 0 ? sentence().readings[view.reading] : rival());

  // Of all tokens at most LONGEST around the reader are drawn.
  function shown() {
    const all = starts.at(-1), at = starts[view.s] + view.t;
    if (all <= LONGEST) return [0, all];
    const from = inside(Math.floor(at / (LONGEST / 2)) * (LONGEST / 2) - LONGEST / 4, 0, all - LONGEST);
    return [from, from + LONGEST];
  }

  // Of a long sentence the words near the reader.
  const NEAR = 200;
  function near() {
    const count = sentence().tokens.length, from = inside(view.t - NEAR / 2, 0, Math.max(0, count - NEAR));
    return [from, Math.min(count, from + NEAR)];
  }

  // -- moving --
  let watchers = [];
  const watch = watcher => { watchers.push(watcher); };  // called with what has changed: "place", "node" or "reading"
  const forget = () => { watchers = []; };
  const watched = (what = "place") => watchers.forEach(watcher => watcher(what));
  // Look at a token, or at the span that it is in.
  function move(s, t, whole = true) {
    Object.assign(view, { s, t, whole: whole && known(spanAt(s, t)), node: null, reading: -1 });
    view.node = meeting();
    watched();
    remember();
  }
  function step(by) {
    const at = inside(starts[view.s] + view.t + by, 0, starts.at(-1) - 1);
    const s = starts.findLastIndex((start, index) => start <= at && index < sentences.length);
    move(s, at - starts[s]);
  }
  // Where the two readings that are drawn meet again: there one of their ways is kept, and the other is not.
  function meeting() {
    const { path } = sentence(), second = other()?.path;
    if (!second) return [view.t, path[view.t]];
    const t = Math.min(path.length - 1, path.findLastIndex((tag, place) => tag !== second[place]) + 1);
    return [t, path[t]];
  }
  function change(what, value) {
    view[what] = value;
    if (what === "reading") view.node = meeting();
    watched(what);
  }

  // -- the link --
  function remember() {
    const hash = `#s=${view.s}&t=${view.t}&whole=${Number(view.whole)}&lang=${spoken()}`;
    try { history.replaceState(null, "", hash); } catch { location.hash = hash; }
  }
  const recalled = () => Object.fromEntries([...location.hash.matchAll(/(\w+)=(\w+)/g)].map(([, key, value]) => [key, value]));
  // Begin where a link says, else at the span that the model is least sure of, else at such a word.
  function enter(kept) {
    const s = inside(Number(kept.s) || 0, 0, sentences.length - 1);
    if ("t" in kept) { move(s, inside(Number(kept.t) || 0, 0, sentences[s].tokens.length - 1), kept.whole !== "0"); return; }
    const every = sentences.flatMap(({ spans, tokens, path, marginals }, index) => {
      const at = unpack(marginals).at;
      return spans.length ? spans.map(one => [index, one.start, one.probability]) : tokens.map((_, t) => [index, t, at(t, path[t]) + 1]);
    });
    const [first, t] = every.reduce((least, one) => (one[2] < least[2] ? one : least));
    move(first, t);
  }
  const cost = (t, tag) => numbers(sentence(), "below")(t, tag);
  const allowed = (t, tag) => cost(t, tag) < NEVER;
  // Tags with a say here: the likeliest, and those of the readings that are drawn.
  function drawn() {
    const own = new Set(sentence().drawn);
    for (const tag of other()?.path ?? []) own.add(tag);
    return [...own].sort((one, next) => one - next);
  }
  const left = rows => indices(0, tags.length).filter(tag => !rows.includes(tag));

  return { LONGEST, NEVER, view, starts, numbers, sentence, spanAt, span, stretch, wording, gap, decision, rival, other, meeting, shown, near, watch,
    forget, watched, move, step, change, remember, recalled, enter, cost, allowed, drawn, left };
})(numbers, words);
