// The slider through the views: the compiler's passes. And the panel of scopes and changes.

const passSlider = $("pass"), panel = $("panel"), changes = $("changes"), scopes = $("scopes");
const changeNames = ["", "added", "changed", "removed"], changeSigns = ["", "+", "~", "−"];
let showing = 0;

async function showView(number) {
  number = Math.max(0, Math.min(views.length - 1, number));
  const ticket = ++showing;
  passSlider.value = number;
  markTick(number);
  const next = await load(number);
  if (ticket !== showing || next === view) return;
  stop();
  const before = view, keep = selected, collapsed = before && new Set(before.clusters.filter(c => c.collapsed).map(c => c.path));
  const was = new Map((before?.nodes || []).map(n => [n.match, n]));
  view = next;
  Object.keys(marked).forEach(k => marked[k] = null);
  selected = null;
  main.querySelector(":scope > svg.adjoint")?.remove();
  canvas.hidden = !view.large;
  if (!view.large) canvas.after(view.svg);
  for (const c of view.clusters) c.collapsed = !!collapsed?.has(c.path);
  arrange(1);
  if (before) holdPlace(was);
  view.svg.setAttribute("aria-label", views[number].name);
  listChanges(number);
  listScopes();
  find();
  startSteps();
  details.hidden = true;
  const same = keep && view.nodes.find(n => n.match === keep.match);
  if (same && !same.hidden) select(same, false); else light(null);
  frame();
  if (before) glide(was);
}

// holdPlace keeps what is nearest to the middle of the window where it is.
function holdPlace(was) {
  const middle = {x: camera.x + size.w / 2 / camera.s, y: camera.y + size.h / 2 / camera.s};
  let best = null, least = Infinity;
  for (const n of view.nodes) {
    const o = was.get(n.match);
    if (!o || n.hidden) continue;
    const far = Math.hypot(o.cx - middle.x, o.cy - middle.y);
    if (far < least) { least = far; best = [o, n]; }
  }
  if (best) { camera.x += best[1].cx - best[0].cx; camera.y += best[1].cy - best[0].cy; }
}

// glide moves nodes from where they were, and lets new ones and edges appear.
function glide(was) {
  if (reducedMotion.matches || view.large) return;
  const timing = {duration: 320, easing: "ease-out"};
  const shift = holdShift(was);
  for (const n of view.nodes) {
    if (n.hidden) continue;
    const o = was.get(n.match), own = `translate(${n.cx - n.x}px,${n.cy - n.y}px)`;
    if (!o) n.element.animate([{opacity: 0}, {opacity: 1}], timing);
    else {
      const dx = o.cx + shift.x - n.cx, dy = o.cy + shift.y - n.cy;
      if (Math.hypot(dx, dy) > 0.5) n.element.animate([{transform: `translate(${n.cx - n.x + dx}px,${n.cy - n.y + dy}px)`}, {transform: own}], timing);
    }
  }
  for (const e of view.edges) if (!e.hidden) e.element.animate([{opacity: 0}, {opacity: 1}], timing);
}

// holdShift is the difference between the places of what holdPlace kept.
function holdShift(was) {
  const middle = {x: camera.x + size.w / 2 / camera.s, y: camera.y + size.h / 2 / camera.s};
  let best = {x: 0, y: 0}, least = Infinity;
  for (const n of view.nodes) {
    const o = was.get(n.match);
    if (!o || n.hidden) continue;
    const far = Math.hypot(n.cx - middle.x, n.cy - middle.y);
    if (far < least) { least = far; best = {x: n.cx - o.cx, y: n.cy - o.cy}; }
  }
  return best;
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
  const focused = document.activeElement?.dataset?.scope;
  scopes.replaceChildren(...view.clusters.map(c => {
    const li = document.createElement("li"), b = button("", () => toggle([c], !c.collapsed, c));
    li.style.paddingLeft = c.depth * 14 + "px";
    b.setAttribute("aria-expanded", String(!c.collapsed));
    b.dataset.scope = c.path;
    const sign = document.createElement("i");
    sign.textContent = c.collapsed ? "▸" : "▾";
    const size = document.createElement("small");
    size.textContent = c.members.length;
    b.append(sign, c.title, size);
    li.append(b);
    return li;
  }));
  $("scope-part").hidden = !view.clusters.length;
  if (focused) [...scopes.querySelectorAll("button")].find(b => b.dataset.scope === focused)?.focus();
}

function togglePanel(open) {
  panel.hidden = !open;
  $("panel-button").setAttribute("aria-expanded", String(open));
  measure();
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

$("collapse-all").addEventListener("click", () => toggle(view.clusters.filter(c => c.parent < 0), true, null));
$("expand-all").addEventListener("click", () => toggle(view.clusters, false, null));
$("panel-button").addEventListener("click", () => togglePanel(panel.hidden));
