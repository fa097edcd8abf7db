const page = (({ data, say, visible }, { make, foreign, repaint }, { bar, entitle }, { headline }, { learning }, { confusion },
  { calibration }, { lengths }, { labels }, { mistakes }) => {
  // The report put together.
  function render() {
    entitle(data.title);
    document.getElementById("top").replaceChildren(bar(say("kind"), render), make("h1", { dir: "auto" }, visible(data.title)),
      make("p", {}, say("measuredOn", { data: foreign(data.evaluation.data) })));
    const sections = [headline(), learning(), confusion(), calibration(), lengths(), labels(), mistakes()];
    document.getElementById("report").replaceChildren(...sections.flat(), make("footer", {}, say("made")));
    repaint();
  }
  window.addEventListener("resize", repaint);
  render();
})(words, draw, masthead, headline, learning, confusion, calibration, lengths, labels, mistakes);
