"use strict";
(() => {
  const status = document.getElementById("status");
  const live = document.getElementById("live");
  const say = text => { if (live.textContent !== text) live.textContent = text; };
  const parse = html => new DOMParser().parseFromString(html, "text/html").body;

  // The parts that have not changed stay, so that a selection or the place of a reader in them is kept.
  const show = next => {
    const sections = [...next.children];
    const present = [...status.children];
    if (sections.length !== present.length) {
      status.replaceChildren(...sections);
      return;
    }
    sections.forEach((section, i) => replace(present[i], section));
  };
  const replace = (old, section) => {
    if (old.isEqualNode(section))
      return;
    const items = [...section.children];
    const known = new Map([...old.children].filter(child => child.id).map(child => [child.id, child]));
    old.replaceChildren(...items.map(item => {
      const before = known.get(item.id);
      return before && before.isEqualNode(item) ? before : item;
    }));
  };

  // The server sends a sign of life every 15 s: a connection that has died without a word is noticed.
  const lost = () => say("not connected; the page shows the last known state");
  let silence;
  const alive = () => { say("live"); clearTimeout(silence); silence = setTimeout(lost, 45000); };

  const source = new EventSource(status.dataset.events);
  source.addEventListener("status", event => { show(parse(event.data)); alive(); });
  source.addEventListener("alive", alive);
  source.addEventListener("error", lost);
})();
