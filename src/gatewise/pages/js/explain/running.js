const running = (({ number, percent, signed, plain, say }, { make, lead, note }, { view, length, quoted, place, labelled },
  { overText }, { first }) => {
  // What the model would say if the text ended at each token.
  function running() {
    const { running: values, read, target, figures: { settled, lowest, jumps } } = view.look;
    const [top] = jumps, label = labelled(target);
    const conclusion = !top ? say("runningOne", { p: percent(values[0]) }) : [
      say("runningDecided", { t: number(settled + 1), word: quoted(settled), low: percent(lowest, 0), label }), " ",
      say(top.to - top.from === 1 ? "runningJump" : "runningJumpWithin", {
        word: quoted(top.to), first: quoted(top.from + 1), change: signed(100 * top.change, 0) })];
    return first("running", lead(conclusion), note("runningNote"),
      read.length < values.length ? note("runningRead", { read: number(read.length), n: number(length()) }) : [],
      overText(plain("running"), {
        series: [{ key: "runningKey", kind: "now", values }], low: 0, high: 1, act: "slider",
        write: value => percent(value, 0), marks: jumps.map(({ to }) => ({ t: to, value: values[to] })),
        caption: make("span", { class: "key now" }, say("runningKey", { label: labelled(target) })),
        readout: t => plain("runningReadout", { place: place(t), p: percent(values[t]) }),
      }));
  }
  return { running };
})(words, draw, state, text, sections);
