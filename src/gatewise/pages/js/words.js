const words = (({ formats }) => {
  // What the page was given, the language it speaks, and words and numbers in that language.
  const data = JSON.parse(document.getElementById("data").textContent);
  let language, format;
  function speak(code) {
    [language, format] = [code, formats(code)];
  }
  speak(/^zh\b/i.test(navigator.language) ? "zh" : "en");
  const spoken = () => language;
  const inWords = key => data.words[language][key];

  const { number, percent, range, compact, exact, signed } = Object.fromEntries(
    Object.keys(format).map(name => [name, (...values) => format[name](...values)]));

  function say(key, values = {}) {
    const fragment = document.createDocumentFragment();
    const parts = inWords(key).split(/\{(\w+)\}/);
    fragment.append(...parts.map((part, index) => (index % 2 ? values[part] : part)));
    return fragment;
  }
  const plain = (key, values) => say(key, values).textContent;

  // Control characters get their visible pictures (U+2400...); tab and line feed stay.
  const visible = text => text.replace(/[\0-\x08\x0b-\x1f\x7f]/g,
    sign => String.fromCharCode(sign === "\x7f" ? 0x2421 : 0x2400 + sign.charCodeAt(0)));

  return { data, speak, spoken, inWords, number, percent, range, compact, exact, signed, say, plain, visible };
})(numbers);
