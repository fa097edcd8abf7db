const page = (({ data, speak, number, percent, plain, say }, { make, foreign, button, note, repaint }, { bar, entitle },
  { LONGEST, view, length, labelled, forget, watched, remember, recalled, enter }, { ask }, { player }, { openAll }, { verdict }, { running }, { cell },
  { gates }, { belt }, { shares }, { phrase }, { edit }, { clamp }, { horizon }, { gradients }, { tour }) => {
  // The explanation put together, opened for a text, and opened anew for another.
  const guide = make("aside", { id: "tour" }), [top, main] = ["top", "report"].map(id => document.getElementById(id));
  main.after(guide);

  function header() {
    const link = button(say("copyLink"), async () => {
      remember();
      try { await navigator.clipboard.writeText(location.href); link.replaceChildren(say("copied")); } catch { link.replaceChildren(say("inAddress")); }
    }, { id: "link" });
    const { look } = view, kind = [say("kind"), " · ", foreign(data.title)];
    const headline = look ? say("headline", { label: labelled(look.target), p: percent(look.probabilities[look.target]) }) : say("kind");
    return [bar(kind, render, button(say("tour"), () => { guide.hidden = !guide.hidden; }, { id: "guide" }), link),
      make("h1", {}, headline), ...(data.live ? [asker()] : [])];
  }
  // The served page: any text.
  function asker() {
    const box = make("textarea", { rows: 3, dir: "auto", "aria-label": plain("anyText"), maxlength: data.longest, id: "any-text" }, view.look?.text ?? "");
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

  function render() {
    entitle(`${plain("kind")}: ${data.title}`);
    forget();
    top.replaceChildren(...header());
    if (!view.look) return;
    const sections = { verdict: verdict(), running: running(), cell: cell(), gates: gates(), belt: belt(), shares: shares(), phrase: phrase(),
      edit: edit(), clamp: clamp(), horizon: horizon(), gradients: gradients() };
    const views = Object.values(sections), first = views.filter(one => !one.open);
    const more = make("div", { class: "more" }, note("thenAny"), button(say("openAll"), () => openAll(true), { id: "open-all" }),
      button(say("foldAll"), () => openAll(false), { id: "fold-all" }));
    main.replaceChildren(player(), ...(length() > LONGEST ? [note("window", { n: number(LONGEST) })] : []), ...first, more,
      ...views.slice(first.length), make("footer", {}, say(data.live ? "madeLive" : "made")));
    tour(guide, sections);
    repaint();
    watched();
    repaint();
  }

  async function open(text, kept) {
    enter(await ask({ ask: "look", text }), kept);
    render();
  }
  const failed = error => make("p", { class: "failed", role: "alert" }, error.message);
  async function begin() {
    const kept = recalled(), text = kept.text ?? data.text;
    if (kept.lang in data.words) speak(kept.lang);
    if (data.live) {
      render();
      if (!text) return;
      main.replaceChildren(note("waiting"));  // painted at once
    }
    try { await open(text, kept); } catch (error) {
      render();
      main.replaceChildren(failed(error));
    }
  }
  window.addEventListener("resize", repaint);
  window.addEventListener("beforeprint", () => openAll(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  window.addEventListener("hashchange", () => view.look && open(recalled().text ?? view.look.text, recalled()));
  begin();
})(words, draw, masthead, state, asking, player, sections, verdict, running, cell, gates, belt, shares, phrase, edit, clamp, horizon, gradients, tour);
