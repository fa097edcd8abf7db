const asking = (({ plain }) => {
  // The served page's way to Python: one question, one answer; an error is one sentence.
  async function ask(question) {
    let response;
    try {
      response = await fetch("answer", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question),
      });
    } catch { throw new Error(plain("gone")); }
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }
  return { ask };
})(words);
