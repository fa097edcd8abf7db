const belt = (({ unpack, indices, best, sum }, { number, percent, say }, { make, button, lead, painted },
  { view, length, quoted, direction, move }, { later }) => {
  // What of each token's write is left in the cells after the token where the reader stands.
  function belt() {
    const holder = make("div", { class: "belt" }), conclusion = lead(), remark = make("p", { class: "note" });
    const reading = () => (view.side ? -1 : 1);
    const back = button(say("stepBack"), () => move({ t: view.t - reading() }, "belt"));
    const on = button(say("stepOn"), () => move({ t: view.t + reading() }, "belt"), { id: "step-on" });
    const draw = () => {
      const own = direction(), alive = unpack(own.alive), older = unpack(own.older), width = alive.columns;
      const step = view.side ? length() - 1 - view.t : view.t;  // steps read so far
      const at = steps => (view.side ? view.t + steps : view.t - steps);  // the token read so many steps ago
      const left = age => alive.at(step, age), wrote = age => alive.at(step - age, 0);
      const ages = indices(0, Math.min(width, step + 1)), oldest = ages.length - 1, strongest = best(ages, left);
      const living = ages.filter(age => left(age) > wrote(age) / 2).length, total = sum(ages.map(left)) + older.at(0, step);
      conclusion.replaceChildren(say("beltLiving", { word: quoted(view.t), living: number(living), n: number(step + 1),
        strongest: quoted(at(strongest)), share: percent(left(strongest) / Math.max(total, 1e-9), 0), first: quoted(at(oldest)),
        left: percent(left(oldest) / Math.max(wrote(oldest), 1e-9), 0) }));
      const count = Math.max(4, Math.min(24, Math.floor((holder.clientWidth || 640) / 42))), seen = ages.slice(0, count);
      const most = Math.max(...seen.map(wrote), 1e-9), rest = sum(ages.slice(count).map(left)) + older.at(0, step);
      const box = (title, before, now, gone, t) => {
        const full = make("span", { class: "wrote" }), kept = make("span", { class: gone ? "kept gone" : "kept" });
        full.style.height = `${Math.min(1, before / most) * 100}%`;
        kept.style.height = `${Math.min(1, now / most) * 100}%`;
        const item = make("li", { class: t === view.t ? "here" : "" }, make("span", { class: "crate" }, full, kept),
          make("span", { class: "share" }, before ? percent(Math.min(now / before, 1), 0) : number(now, 1)), make("span", { class: "word" }, title));
        if (t !== undefined) item.addEventListener("click", () => move({ t }, "belt"));
        return item;
      };
      const items = seen.map(age => box(quoted(at(age)), wrote(age), left(age), left(age) < wrote(age) / 10, at(age)));
      if (step + 1 > count) items.push(box(say("beltOlder", { n: number(step + 1 - count) }), 0, rest));
      holder.replaceChildren(make("ol", {}, items.reverse()));
      remark.replaceChildren(say(view.side ? "beltNoteBackward" : "beltNote"));
      back.disabled = step === 0;
      on.disabled = step === length() - 1;
    };
    return later("belt", draw, conclusion, make("p", { class: "controls" }, back, on), painted(holder, draw), remark);
  }
  return { belt };
})(numbers, words, draw, state, sections);
