"use strict";
(() => {
  const status = document.getElementById("status");
  const live = document.getElementById("live");
  const say = text => { if (live.textContent !== text) live.textContent = text; };
  const parse = html => new DOMParser().parseFromString(html, "text/html").body;

  // The parts that have not changed stay where they are, so that a selection or the place of a reader in them is kept.
  const update = (parent, next, keyOf, merge) => {
    const known = new Map([...parent.children].map(child => [keyOf(child), child]));
    const all = [...next.children].map(child => known.has(keyOf(child)) ? merge(known.get(keyOf(child)), child) : child);
    const kept = new Set(all);
    [...parent.children].filter(child => !kept.has(child)).forEach(child => child.remove());
    all.forEach((child, i) => {
      if (parent.children[i] !== child)
        parent.insertBefore(child, parent.children[i] ?? null);
    });
  };
  const show = next => update(status, next, section => section.getAttribute("aria-labelledby"), (before, section) => {
    update(before, section, item => item.id, (before, item) => before.isEqualNode(item) ? before : item);
    return before;
  });

  // The server sends a sign of life every 15 s: a connection that has died without a word is noticed.
  const lost = () => say("not connected; the page shows the last known state");
  let silence;
  const alive = () => { say("live"); clearTimeout(silence); silence = setTimeout(lost, 45000); };

  const source = new EventSource(status.dataset.events);
  source.addEventListener("status", event => { show(parse(event.data)); alive(); });
  source.addEventListener("alive", alive);
  source.addEventListener("error", lost);
})();
