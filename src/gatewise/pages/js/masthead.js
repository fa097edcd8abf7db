const masthead = (({ data, speak, spoken, inWords, plain, visible }, { make, button, blank }) => {
  // The bar at the top of every page: what it is, what else it offers, and a switch of its languages.
  function bar(kind, again, ...controls) {
    const buttons = Object.entries(data.words).map(([code, { lang, language }]) => button(language, () => {
      speak(code);
      again();
      document.querySelector(`button[lang=${lang}]`).focus();
    }, { lang, "aria-pressed": code === spoken() }));
    return make("div", { class: "masthead" }, make("p", {}, kind), make("div", { class: "controls" }, controls,
      make("div", { role: "group", "aria-label": plain("chooseLanguage"), class: "switch" }, buttons)));
  }
  // Begin anew, in the language spoken now.
  function entitle(title) {
    blank();
    document.documentElement.lang = inWords("lang");
    document.title = visible(title);
  }
  return { bar, entitle };
})(words, draw);
