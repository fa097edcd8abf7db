"use strict";
// The guided tour, the head of the page, and putting it all together.
const CARDS = ["verdict", "slider", "cell", "gates", "forget", "belt", "sum", "phrase", "edit", "faith"];
const PLACES = { slider: "running", forget: "gates", sum: "shares", faith: "shares" };
const done = new Set();

// A card is done when its act is done, not when it is read.
function did(act) {
  if (!CARDS.includes(act) || done.has(act)) return;
  done.add(act);
  if (CARDS[state.card] === act) {
    const next = CARDS.findIndex((card, index) => index > state.card && !done.has(card));
    if (next >= 0) state.card = next;
  }
  drawTour();
}
let drawTour = () => {};
function tour() {
  const holder = document.getElementById("tour");
  const button = (key, act, id) => {
    const element = make("button", { type: "button", id }, say(key));
    element.addEventListener("click", act);
    return element;
  };
  const turnTo = card => { state.card = (card + CARDS.length) % CARDS.length; remember(); drawTour(); };
  const go = () => {
    const target = document.getElementById(PLACES[CARDS[state.card]] ?? CARDS[state.card]).closest("section");
    target.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    document.querySelector(".lit")?.classList.remove("lit");
    target.classList.add("lit");
  };
  const where = make("button", { type: "button", id: "tour-go", class: "primary" }, say("tourGo"));
  where.addEventListener("click", go);
  const text = make("p", { class: "card", "aria-live": "polite" }), marks = make("ol", { class: "marks" });
  drawTour = () => {
    const card = CARDS[state.card];
    text.replaceChildren(make("strong", {}, say(done.size === CARDS.length ? "tourAll" : "tourDone", { done: number(done.size), n: number(CARDS.length) })),
      " ", say(`card_${card}`));
    marks.replaceChildren(...CARDS.map((name, index) => {
      const mark = make("button", { type: "button", class: `${done.has(name) ? "done" : ""}${index === state.card ? " now" : ""}`,
        "aria-label": `${number(index + 1)}: ${plain(`card_${name}`)}${done.has(name) ? ` (${plain("ticked")})` : ""}` }, done.has(name) ? "✓" : number(index + 1));
      mark.addEventListener("click", () => turnTo(index));
      return make("li", {}, mark);
    }));
  };
  holder.replaceChildren(marks, text, make("div", { class: "controls" }, where, button("tourBack", () => turnTo(state.card - 1), "tour-back"),
    button("tourNext", () => turnTo(state.card + 1), "tour-next"), button("tourHide", () => { holder.hidden = true; }, "tour-hide")));
  set(holder, { "aria-label": plain("tour") });
  drawTour();
}

function header() {
  const buttons = Object.keys(words).map(code => {
    const button = make("button", { type: "button", lang: code, "aria-pressed": code === language }, words[code].language);
    button.addEventListener("click", () => {
      language = code;
      render();
      document.querySelector(`button[lang=${code}]`).focus();
    });
    return button;
  });
  const link = make("button", { type: "button", id: "link" }, say("copyLink"));
  link.addEventListener("click", async () => {
    remember();
    try { await navigator.clipboard.writeText(location.href); link.replaceChildren(say("copied")); } catch { link.replaceChildren(say("inAddress")); }
  });
  const guide = make("button", { type: "button", id: "guide" }, say("tour"));
  guide.addEventListener("click", () => { const holder = document.getElementById("tour"); holder.hidden = !holder.hidden; });
  const bar = make("div", { class: "masthead" }, make("p", {}, say("kind"), " · ", foreign(data.title)),
    make("div", { class: "controls" }, guide, link, make("div", { role: "group", "aria-label": plain("chooseLanguage"), class: "switch" }, buttons)));
  const title = look ? make("h1", {}, say("headline", { label: labelled(look.target), p: percent(look.probabilities[look.target]) })) :
    make("h1", {}, say("kind"));
  return [bar, title, ...(data.live ? [asker()] : [])];
}

// -- the served page: any text --
function asker() {
  const box = make("textarea", { rows: 3, dir: "auto", "aria-label": plain("anyText"), maxlength: data.longest, id: "any-text" }, look?.text ?? "");
  const send = make("button", { type: "submit", id: "send", class: "primary" }, say("explain")), said = make("p", { class: "failed", role: "alert" });
  const form = make("form", { class: "asker" }, box, send, said);
  form.addEventListener("submit", async event => {
    event.preventDefault();
    said.replaceChildren();
    send.disabled = true;
    try { await open(box.value, {}); } catch (error) { said.textContent = error.message; } finally { send.disabled = false; }
  });
  box.addEventListener("keydown", event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}
async function open(text, found) {
  const answer = data.live ? await ask({ ask: "look", text }) : data.story.look;
  look = answer;
  [edits, edited, held, halves] = [[], null, null, null];
  [state.from, state.to] = [-1, -1];
  state.t = largest(indices(0, length()), t => Math.abs(look.shares.contributions[t]));
  restore(found);
  if (found.edits) edits = recalledEdits(found.edits);
  if (found.held) {
    const [gate, value, unit] = found.held.split(",");
    held = { gate, value: Number(value), unit: unit === "" || unit === undefined ? null : Number(unit) };
  }
  render();
}

function render() {
  painters = [];
  watchers = [];
  document.documentElement.lang = language;
  document.title = `${plain("kind")}: ${visible(data.title)}`;
  document.getElementById("top").replaceChildren(...header());
  if (look) {
    const views = [verdict(), running(), cellView(), gates(), belt(), shares(), phrases(), changedText(), holding(), horizon(), gradients()];
    const first = length() > LONGEST ? [note("window", { n: number(LONGEST) })] : [];
    document.getElementById("report").replaceChildren(reader(), ...first, ...views, make("footer", {}, say(data.live ? "madeLive" : "made")));
    tour();
    repaint();
    watchers.forEach(watch => watch());
    repaint();
  }
}

async function begin() {
  const found = recalled();
  if (found.lang in words) language = found.lang;
  if (data.live && !found.text && !data.text) { render(); return; }
  if (data.live) document.getElementById("report").replaceChildren(note("waiting"));  // painted at once
  try { await open(found.text ?? data.text, found); } catch (error) {
    render();
    document.getElementById("report").replaceChildren(make("p", { class: "failed", role: "alert" }, error.message));
  }
}
window.addEventListener("resize", repaint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
window.addEventListener("hashchange", () => look && open(recalled().text ?? look.text, recalled()));
begin();
