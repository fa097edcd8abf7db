const page = (({ data, speak, plain, say }, { make, foreign, note, repaint }, { bar, entitle }, { forget, watched, recalled, enter, remember },
  { passage }, { answer }, { decision }, { lattice }, { readings }) => {
  // The page put together, and anew in another language.
  const [top, main] = ["top", "report"].map(id => document.getElementById(id));
  function render() {
    entitle(`${plain("kind")}: ${data.title}`);
    forget();
    top.replaceChildren(bar([say("kind"), " · ", foreign(data.title)], render), make("h1", {}, say("headline")));
    const footer = make("footer", {}, say("made"));
    if (!data.sentences.length) { main.replaceChildren(note("noWord"), footer); return; }
    main.replaceChildren(passage(), answer(), decision(), lattice(), readings(), footer);
    watched();
    remember();
    repaint();
  }
  const begin = kept => data.sentences.length && enter(kept);
  const kept = recalled();
  if (kept.lang in data.words) speak(kept.lang);
  begin(kept);
  render();
  window.addEventListener("hashchange", () => { begin(recalled()); });
  window.addEventListener("resize", repaint);
})(words, draw, masthead, place, passage, answer, decision, lattice, readings);
