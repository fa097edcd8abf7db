const sections = (({ say }, { make, section, repaint, note }, { view, watch, remember }, { ask }) => {
  // The page's sections: three to read first, the others folded until somebody wants them; and filling one by asking.
  const first = (key, ...children) => {
    const own = section(key, ...children);
    own.classList.add("first");
    own.prepend(make("p", { class: "badge" }, say("readFirst")));
    return own;
  };

  // update() is called when the section is opened and, while it is open, when the reader moves.
  function later(key, update, ...children) {
    const title = make("summary", {}, make("h2", { id: key }, say(key)), make("p", { class: "about" }, say(`about_${key}`)));
    const details = make("details", { class: "later" }, title, children.flat());
    const turn = () => {
      view.open[details.open ? "add" : "delete"](key);
      remember();
      if (!details.open) return;
      repaint();
      update();
    };
    details.open = view.open.has(key);
    details.addEventListener("toggle", turn);
    watch(() => details.open && update());
    return Object.assign(make("section", { "aria-labelledby": key }, details), { open: () => { details.open = true; turn(); } });
  }
  const openAll = open => document.querySelectorAll("details.later").forEach(details => { details.open = open; });

  // Of several questions for one place only the latest one's answer is shown.
  const turns = new WeakMap();
  async function answered(question, element, show) {
    const mine = (turns.get(element) ?? 0) + 1;
    turns.set(element, mine);
    element.classList.add("waiting");
    try {
      const answer = await ask(question);
      if (mine === turns.get(element)) answer ? show(answer) : element.replaceChildren(note("notPrepared"));
    } catch (error) { element.replaceChildren(make("span", { class: "failed", role: "alert" }, error.message)); }
    if (mine === turns.get(element)) element.classList.remove("waiting");
    repaint();
  }
  return { first, later, openAll, answered };
})(words, draw, state, asking);
