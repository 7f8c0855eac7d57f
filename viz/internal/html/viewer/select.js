// Selection, paths and search.

let selected = null;
const announce = text => { live.textContent = text; };

// reach returns the indices of the nodes that some nodes lead to, "out", or come from, "into".
function reach(starts, links) {
  const seen = new Set(starts), queue = [...starts], end = links === "into" ? "from" : "to";
  for (let k = 0; k < queue.length; k++)
    for (const e of view.nodes[queue[k]][links]) if (!seen.has(e[end])) { seen.add(e[end]); queue.push(e[end]); }
  return seen;
}

const indices = item => item.kindOf ? item.members.map(n => n.index) : [item.index];

function light(chosen) {
  for (const n of view.nodes) n.dim = !!chosen && !chosen.has(n.index);
  for (const e of view.edges) e.dim = !!chosen && !(chosen.has(e.from) && chosen.has(e.to));
  show();
}

function clear() {
  selected = marked.selected = null;
  main.removeAttribute("aria-activedescendant");
  details.hidden = true;
  light(null);
}

function facts(item) {
  if (item.kindOf) return [["scope", item.scope], ["nodes", String(item.members.length)]];
  return item.details.split("\n").map((line, k) => {
    const at = line.indexOf(": ");
    return at < 0 || k === 0 ? ["", line] : [line.slice(0, at), line.slice(at + 2)];
  });
}

function describe(item, extra) {
  const head = document.createElement("b"), list = document.createElement("dl");
  const early = item.unknown || item.unpassed; // a walk has not come to all of it
  head.textContent = item.kindOf ? item.title : early ? item.label.split(" · ")[0] : item.label;
  for (const [key, value] of facts(item)) {
    if (key === "value" && item.unknown || key === "adjoint" && item.unpassed) continue;
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = key;
    dd.textContent = value;
    if (!key) dd.className = "whole";
    list.append(...key ? [dt, dd] : [dd]);
  }
  details.replaceChildren(head, list);
  if (extra) { const more = document.createElement("small"); more.textContent = extra; details.append(more); }
  details.hidden = false;
}

function select(item, bring) {
  if (item.hidden && item.inside) item = item.inside;
  selected = marked.selected = item;
  marked.hover = null;
  const own = indices(item), before = reach(own, "into"), after = reach(own, "out");
  light(new Set([...before, ...after]));
  const text = `depends on ${before.size - own.length}, used by ${after.size - own.length}`;
  describe(item, text);
  $("active").setAttribute("aria-label", item.kindOf ? "scope " + item.title : item.label);
  main.setAttribute("aria-activedescendant", view.large ? "active" : item.element.id);
  announce(`${item.kindOf ? "scope " + item.title : item.label}, ${text}`);
  if (bring) reveal(item);
}

function path(a, b) {
  const between = (x, y) => { const up = reach(indices(y), "into"); return [...reach(indices(x), "out")].filter(i => up.has(i)); };
  let chosen = between(a, b);
  if (!chosen.length) chosen = between(b, a);
  selected = marked.selected = b;
  marked.start = a;
  const name = a.kindOf ? a.title : a.label;
  if (!chosen.length) { light(new Set([...indices(a), ...indices(b)])); describe(b, `no path to ${name}`); announce(`no path to ${name}`); return; }
  light(new Set(chosen));
  describe(b, `${chosen.length} nodes on the paths to ${name}`);
  announce(`${chosen.length} nodes on the paths to ${name}`);
}

// Search: every word must occur.
const search = $("search"), hits = $("hits");
let found = [], at = -1;

function find() {
  const words = fold(search.value).split(/\s+/).filter(Boolean);
  // What stands in collapsed scopes is found too.
  found = words.length ? view.open.nodes.filter(n => words.every(w => n.text.includes(w))) : [];
  const set = new Set(found.map(n => n.match)), homes = found.map(n => scopeOf(view.open, n));
  for (const n of view.nodes) n.hit = n.scope ? homes.some(h => h && within(h, n.scope)) : set.has(n.match);
  at = -1;
  hits.textContent = words.length ? (found.length === 1 ? "1 hit" : `${found.length} hits`) : "";
  show();
}

const scopeOf = (v, n) => n.cluster < 0 ? "" : v.clusters[n.cluster].scope;

async function next(step) {
  if (!found.length) return;
  at = (at + step + found.length) % found.length;
  hits.textContent = `${at + 1} of ${found.length}`;
  const hit = found[at], place = at, home = scopeOf(view.open, hit), around = [...closed].filter(p => home && within(home, p));
  if (around.length) {
    await toggle(around, false, around[0]);
    at = place;
    hits.textContent = `${at + 1} of ${found.length}`;
  }
  const n = view.nodes.find(m => m.match === hit.match && !m.scope);
  if (n) select(n, true);
}

// itemAt returns the node or collapsed scope at a point of the drawing, or an open scope's title.
function itemAt(p) {
  for (let k = view.items.length - 1; k >= 0; k--) {
    const b = boxOf(view.items[k]);
    if (p.x >= b.x && p.x <= b.x + b.w && p.y >= b.y && p.y <= b.y + b.h) return view.items[k];
  }
  for (let k = view.clusters.length - 1; k >= 0; k--) {
    const c = view.clusters[k], b = c.box;
    if (!c.hidden && !c.closed && c.title && p.x >= b.x && p.x <= b.x + b.w && p.y >= b.y && p.y <= b.y + 26) return c;
  }
  return null;
}
