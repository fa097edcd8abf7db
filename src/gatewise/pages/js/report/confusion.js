const confusion = (({ data, number, percent, say }, { make, foreign, table, scrolling, section, lead, note }) => {
  // Which label is taken for which: the whole table, or of many labels the largest kinds of mistakes.
  const { evaluation: { labels, confusion: counts }, figures: { shares, mistakes } } = data;
  const FULL_TABLE = 20, LISTED = 15;

  function matrix() {
    const cell = (count, share, diagonal) => {
      const element = make("td", { class: !count ? "none" : diagonal ? "right" : "wrong" },
        make("span", {}, number(count)), make("small", {}, percent(share, labels.length > 6 ? 0 : 1)));
      element.style.setProperty("--share", Math.sqrt(share || 0));  // the root: small shares should still be seen
      return element;
    };
    const columns = labels.map(text => make("th", { scope: "col" }, foreign(text)));
    const body = counts.map((row, index) => make("tr", {}, make("th", { scope: "row" }, foreign(labels[index])),
      row.map((count, column) => cell(count, shares[index][column], index === column))));
    const top = make("tr", {}, make("th", { scope: "col", rowspan: 2, class: "corner" }, say("trueLabel")),
      make("th", { scope: "colgroup", colspan: labels.length }, say("predictedLabel")));
    return make("table", { class: labels.length > 6 ? "matrix many" : "matrix" },
      make("thead", {}, top, make("tr", {}, columns)), make("tbody", {}, body));
  }

  function confusion() {
    const shown = ({ label, predicted, n, share }) =>
      ({ label: foreign(label), predicted: foreign(predicted), n: number(n), share: percent(share) });
    const conclusion = mistakes.length ? say("confusionWorst", shown(mistakes[0])) : say("confusionNone");
    const list = () => table(["trueLabel", "predictedLabel", "count", "shareOfLabel"],
      mistakes.slice(0, LISTED).map(mistake => Object.values(shown(mistake))));
    const [key, content] = labels.length <= FULL_TABLE ? ["confusionTable", matrix()] : ["confusionList", list()];
    return section("confusion", lead(conclusion), note(key, { total: number(mistakes.length) }),
      scrolling(content, "confusion"));
  }
  return { confusion };
})(words, draw);
