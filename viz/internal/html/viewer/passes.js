// The slider through the views: the compiler's passes. And the panel of scopes and changes.

const passSlider = $("pass"), panel = $("panel"), changes = $("changes"), scopes = $("scopes");
const changeNames = ["", "added", "changed", "removed"], changeSigns = ["", "+", "~", "−"];
let showing = 0, stage = 0;
const closed = new Set(); // paths of the collapsed scopes

async function showView(number) {
  number = Math.max(0, Math.min(views.length - 1, number));
  passSlider.value = number;
  markTick(number);
  stage = number;
  stop();
  if (!await display()) return;
  listChanges(number);
  startSteps();
  details.hidden = !selected;
}

// within says that a scope is another or lies in it.
const within = (path, scope) => path === scope || path.startsWith(scope + "/");

// display shows the drawing of the stage with the closed scopes: one that was laid out for them, or else the one of
// the open graph, arranged here. What stood at anchor, or in the middle of the window, keeps its place.
async function display(anchor) {
  const ticket = ++showing, outer = [...closed].filter(p => ![...closed].some(q => q !== p && within(p, q))).sort();
  const state = outer.length && views[stage].states?.find(s => s.collapsed.join("|") === outer.join("|"));
  const open = await load(views[stage]), next = state ? await load(state) : open;
  if (ticket !== showing) return false;
  const before = view, was = before && placesOf(before), keep = selected;
  view = next;
  view.open = open;
  for (const k in marked) marked[k] = null;
  selected = null;
  if (before !== view) {
    main.querySelector(":scope > svg.adjoint")?.remove();
    canvas.hidden = !view.large;
    if (!view.large) canvas.after(view.svg);
    view.svg.setAttribute("aria-label", views[stage].name || document.title);
  }
  for (const c of view.clusters) c.collapsed = c.kind === "scope" && !state && closed.has(c.scope);
  arrange();
  const shift = before ? holdPlace(was, anchor) : null;
  listScopes();
  find();
  const same = keep && counterpart(keep);
  if (same) select(same, false); else light(null);
  frame();
  if (before && !(before === view && view.large)) glide(was, shift);
  return true;
}

// pathOf returns the path of the scope that an item is, or lies in.
const pathOf = item => item.scope || (item.kindOf ? "" : item.cluster < 0 ? "" : view.clusters[item.cluster].scope);

// placesOf returns where the nodes and collapsed scopes of a view stand, by what names them across views.
function placesOf(v) {
  const at = new Map();
  for (const c of v.clusters) at.set("scope " + c.scope, {x: c.cx, y: c.cy});
  for (const n of v.nodes) {
    if (!n.hidden) at.set(n.match, {x: n.cx, y: n.cy});
    n.lies = n.cluster < 0 ? "" : v.clusters[n.cluster].scope;
    if (n.scope) at.set("scope " + n.scope, {x: n.cx, y: n.cy});
  }
  return at;
}

// counterpart returns the item of the view that stands for one of another view: the same, or the scope around it.
function counterpart(item) {
  if (item.scope) {
    return view.items.find(i => i.scope === item.scope) || view.nodes.find(n => !n.hidden && n.cluster >= 0 && within(view.clusters[n.cluster].scope, item.scope));
  }
  const same = view.nodes.find(n => n.match === item.match && !n.scope);
  if (same) return same.inside || same;
  return view.items.find(i => i.scope && item.lies && within(item.lies, i.scope));
}

// holdPlace moves the camera so that the anchor, or what was nearest to the middle of the window, stays; it returns how far.
function holdPlace(was, anchor) {
  const now = placesOf(view), middle = {x: camera.x + size.w / 2 / camera.s, y: camera.y + size.h / 2 / camera.s};
  let best = anchor && was.has(anchor) && now.has(anchor) ? anchor : null, least = Infinity;
  if (!best) for (const [name, p] of was) {
    const d = Math.hypot(p.x - middle.x, p.y - middle.y);
    if (d < least && now.has(name)) { least = d; best = name; }
  }
  if (!best) return {x: 0, y: 0};
  const shift = {x: now.get(best).x - was.get(best).x, y: now.get(best).y - was.get(best).y};
  camera.x += shift.x;
  camera.y += shift.y;
  return shift;
}

// glide moves nodes from where they were, and lets new ones and edges appear.
function glide(was, shift) {
  if (reducedMotion.matches || view.large) return;
  const timing = {duration: 320, easing: "ease-out"}, appear = [{opacity: 0}, {opacity: 1}];
  for (const n of view.nodes) {
    if (n.hidden) continue;
    const o = was.get(n.scope ? "scope " + n.scope : n.match), x = n.cx - n.x, y = n.cy - n.y;
    if (!o) { n.element.animate(appear, timing); continue; }
    const dx = o.x + shift.x - n.cx, dy = o.y + shift.y - n.cy;
    if (Math.hypot(dx, dy) > 0.5) n.element.animate([{transform: `translate(${x + dx}px,${y + dy}px)`}, {transform: `translate(${x}px,${y}px)`}], timing);
  }
  for (const e of view.edges) if (!e.hidden) e.element.animate(appear, timing);
}

// toggle collapses or expands scopes.
async function toggle(paths, collapse, anchor) {
  for (const p of paths) if (collapse) closed.add(p); else closed.delete(p);
  if (!await display(anchor && "scope " + anchor)) return;
  if (view.steps.length) startSteps();
  if (!anchor) fit();
  else { // a scope may have been larger than the window
    const box = view.items.find(i => i.scope === anchor);
    if (box) { follow(box); show(); }
  }
  announce(paths.length === 1 ? `${paths[0]} ${collapse ? "collapsed" : "expanded"}` : collapse ? "all scopes collapsed" : "all scopes expanded");
}

function button(text, action, className) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = text;
  if (className) b.className = className;
  b.addEventListener("click", action);
  return b;
}

const mostListed = 200;

function listChanges(number) {
  const {name, text} = views[number];
  $("pass-name").textContent = name;
  $("pass-doc").textContent = text;
  const changed = view.nodes.filter(n => n.change && !n.constant && n.copy === n.index);
  const count = k => changed.filter(n => n.change === k).length;
  $("pass-counts").textContent = number === 0 ? "" : changed.length ? [1, 2, 3].filter(count).map(k => `${changeSigns[k]}${count(k)} ${changeNames[k]}`).join("   ") : "no node changed";
  const order = changed.sort((a, b) => a.change - b.change).slice(0, mostListed);
  changes.replaceChildren(...order.map(n => {
    const li = document.createElement("li"), b = button("", () => select(n, true), changeNames[n.change]);
    const sign = document.createElement("i");
    sign.textContent = changeSigns[n.change];
    b.append(sign, n.label.split(" · ").slice(0, 2).join("  "));
    b.setAttribute("aria-label", `${changeNames[n.change]}: ${n.label}`);
    li.append(b);
    return li;
  }));
  if (changed.length > mostListed) { const li = document.createElement("li"); li.textContent = `and ${changed.length - mostListed} more`; changes.append(li); }
  const summary = $("pass-counts").textContent;
  passSlider.setAttribute("aria-valuetext", `${name}${summary ? ": " + summary : ""}`);
}

function listScopes() {
  const focused = document.activeElement?.dataset?.scope, listed = new Map();
  for (const c of view.open.clusters) if (c.kind === "scope") {
    listed.set(c.scope, {title: c.title, depth: c.scope.split("/").length - 1}); // of forward and gradient one
  }
  // What lies in a collapsed scope is folded away.
  const shown = [...listed].filter(([path]) => ![...closed].some(p => p !== path && within(path, p)));
  scopes.replaceChildren(...shown.map(([path, c]) => {
    const li = document.createElement("li"), b = button("", () => toggle([path], !closed.has(path), null));
    li.style.paddingLeft = c.depth * 14 + "px";
    b.setAttribute("aria-expanded", String(!closed.has(path)));
    b.dataset.scope = path;
    const sign = document.createElement("i");
    sign.textContent = closed.has(path) ? "▸" : "▾";
    b.append(sign, c.title);
    li.append(b);
    return li;
  }));
  $("scope-part").hidden = !listed.size;
  if (focused !== undefined) [...scopes.querySelectorAll("button")].find(b => b.dataset.scope === focused)?.focus();
}

function togglePanel(open) {
  panel.hidden = !open;
  $("panel-button").setAttribute("aria-expanded", String(open));
  measure();
  if (view && fitted) fit();
  show();
}

function markTick(number) {
  [...$("ticks").children].forEach((t, k) => t.classList.toggle("at", k === number));
}

function startPasses() {
  const several = views.length > 1;
  $("passes").hidden = $("pass-part").hidden = !several;
  passSlider.max = views.length - 1;
  if (!several) return;
  $("ticks").replaceChildren(...views.map((v, k) => button(v.name, () => showView(k))));
  for (const b of $("ticks").children) b.tabIndex = -1; // the slider is their keyboard's way
  passSlider.addEventListener("input", () => showView(+passSlider.value));
}

$("collapse-all").addEventListener("click", () => toggle(view.open.clusters.map(c => c.scope).filter(p => p && !p.includes("/")), true, null));
$("expand-all").addEventListener("click", () => toggle([...closed], false, null));
$("panel-button").addEventListener("click", () => togglePanel(panel.hidden));
