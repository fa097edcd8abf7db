const asking = (({ data }) => {
  // The file's way to answers: those that were prepared, and null for the others.
  async function ask(question) {
    const { look, phrases = [], clamps = [], methods = [], edits = {}, without = {}, horizon, gradients } = data.story;
    const answers = {
      look: () => look,
      method: () => methods.find(answer => answer.method === question.method),
      phrase: () => phrases.find(answer => answer.start === question.start && answer.stop === question.stop),
      clamp: () => clamps.find(answer => answer.gate === question.gate && answer.value === question.value &&
        answer.unit === question.unit),
      brief: () => edits[question.token] ?? (question.token in without ? { probability: without[question.token] } : null),
      horizon: () => horizon,
      gradients: () => gradients,
    };
    return answers[question.ask]() ?? null;
  }
  return { ask };
})(words);
