const labels = (({ known }, { data, number, percent, say }, { foreign, table, scrolling, fold, section, lead, note }) => {
  // Precision, recall and F1 of each label, the rarest first: a good average hides a label that is never found.
  const rows = data.figures.by_label, SHOWN = 20;

  function labels() {
    const written = ({ label, n, precision, recall, f1 }) =>
      [foreign(label), number(n), percent(precision), percent(recall), number(f1, 3)];
    const listed = some => table(["label", "texts", "precision", "recall", "f1"], some.map(written));
    const rarest = rows.find(row => row.n) ?? rows[0];
    const conclusion = say(known(rarest.precision) ? "byLabelRarest" : "byLabelNever", { label: foreign(rarest.label),
      n: number(rarest.n), recall: percent(rarest.recall), precision: percent(rarest.precision) });
    return section("byLabel", lead(conclusion), note("byLabelNote"), scrolling(listed(rows.slice(0, SHOWN)), "byLabel"),
      rows.length <= SHOWN ? [] :
        fold(say("byLabelMore", { n: number(rows.length - SHOWN) }), scrolling(listed(rows.slice(SHOWN)), "byLabel")));
  }
  return { labels };
})(numbers, words, draw);
