// Mouse, touch and keys; and the start.

let drag = null;
const pointers = new Map();

main.addEventListener("pointerdown", event => {
  if (event.button > 0) return;
  pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
  drag = {x: event.clientX, y: event.clientY, moved: false};
});
main.addEventListener("pointermove", event => {
  const before = pointers.get(event.pointerId);
  if (!before) { hover(event); return; }
  if (pointers.size === 2) {
    const [a, b] = [...pointers.values()], far = Math.hypot(a.x - b.x, a.y - b.y);
    pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    const [c, d] = [...pointers.values()];
    zoom(Math.hypot(c.x - d.x, c.y - d.y) / (far || 1), toDrawing((c.x + d.x) / 2, (c.y + d.y) / 2));
    drag.moved = true;
    return;
  }
  if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4) {
    drag.moved = true;
    main.setPointerCapture(event.pointerId);
    main.classList.add("dragging");
  }
  if (drag.moved) {
    pan(before.x - event.clientX, before.y - event.clientY);
    pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
  }
});
function release(event) {
  pointers.delete(event.pointerId);
  main.classList.remove("dragging");
}
main.addEventListener("pointerup", event => {
  const held = pointers.has(event.pointerId);
  release(event);
  if (!held || !drag || drag.moved) return;
  const item = itemAt(toDrawing(event.clientX, event.clientY));
  if (!item) { clear(); marked.start = null; }
  else if (item.kindOf && !item.closed) { if (item.scope) toggle([item.scope], true, item.scope); }
  else if (event.shiftKey && selected && selected !== item) path(selected, item);
  else { marked.start = null; select(item, false); }
});
main.addEventListener("dblclick", event => {
  const item = itemAt(toDrawing(event.clientX, event.clientY));
  if (item?.scope && closed.has(item.scope)) toggle([item.scope], false, item.scope);
});
main.addEventListener("pointercancel", release);
main.addEventListener("pointerleave", () => { if (marked.hover) { marked.hover = null; if (!selected && !main.classList.contains("stepping")) details.hidden = true; show(); } });
main.addEventListener("wheel", event => {
  event.preventDefault();
  const amount = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
  zoom(Math.exp(-amount * 0.0015), toDrawing(event.clientX, event.clientY));
}, {passive: false});

function hover(event) {
  if (!view) return;
  const item = itemAt(toDrawing(event.clientX, event.clientY));
  main.classList.toggle("over", !!item);
  const node = item && (!item.kindOf || item.closed) ? item : null;
  if (node === marked.hover) return;
  marked.hover = node;
  show();
  if (selected || main.classList.contains("stepping")) return;
  if (node) describe(node, ""); else details.hidden = true;
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  colours = {};
  show();
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = {}; show(); });

// beside returns the nearest item in a direction, those that an edge joins first.
function beside(key) {
  const joined = new Set(), own = new Set(indices(selected));
  for (const i of own) {
    for (const e of view.nodes[i].into) joined.add(e.from);
    for (const e of view.nodes[i].out) joined.add(e.to);
  }
  let best = null, least = Infinity;
  for (const m of view.items) {
    if (m === selected) continue;
    const dx = m.cx - selected.cx, dy = m.cy - selected.cy;
    const along = {ArrowLeft: -dx, ArrowRight: dx, ArrowUp: -dy, ArrowDown: dy}[key];
    const across = key === "ArrowLeft" || key === "ArrowRight" ? Math.abs(dy) : Math.abs(dx);
    if (along <= 1) continue;
    const cost = (along + 2 * across) * (indices(m).some(i => joined.has(i)) ? 0.2 : 1);
    if (cost < least) { least = cost; best = m; }
  }
  return best;
}

function sequence(by) {
  const list = view.items, k = list.indexOf(selected);
  const item = list[k < 0 ? (by > 0 ? 0 : list.length - 1) : (k + by + list.length) % list.length];
  if (item) select(item, true);
}

const help = $("help");
const keys = {
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "−": () => zoom(0.8), "0": fit,
  "/": () => { search.focus(); search.select(); }, d: toggleTheme, n: () => sequence(1), p: () => sequence(-1),
  "]": () => walk(1), "[": () => walk(-1), ".": () => showView(+passSlider.value + 1), ",": () => showView(+passSlider.value - 1),
  o: () => togglePanel(panel.hidden), "?": () => help.showModal(),
  m: () => { if (selected) { marked.start = selected; announce(`paths start at ${selected.kindOf ? selected.title : selected.label}`); show(); } },
  t: () => { if (selected && marked.start && marked.start !== selected) path(marked.start, selected); },
  c: () => { // of a collapsed scope, the one around it
    if (!selected) return;
    const path = pathOf(selected), scope = closed.has(path) ? path.slice(0, Math.max(0, path.lastIndexOf("/"))) : path;
    if (scope) toggle([scope], true, scope);
  },
  e: () => { if (selected && closed.has(selected.scope)) toggle([selected.scope], false, selected.scope); },
  Escape: () => { stop(); clear(); marked.start = null; step(view.steps.length); },
};

document.addEventListener("keydown", event => {
  if (!view || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const target = event.target, field = target === search || target.type === "range";
  if (target === search) {
    if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") { search.value = ""; find(); clear(); main.focus(); }
    else return;
    event.preventDefault();
    return;
  }
  const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
  if (arrows || event.key === "Home" || event.key === "End") {
    if (field || !arrows || target.tagName === "BUTTON") return;
    if (!selected) pan(arrows[0] * size.w * 0.1, arrows[1] * size.h * 0.1);
    else { const item = beside(event.key); if (item) select(item, true); }
  } else if (event.key === "Enter" && target === main) {
    if (!selected) sequence(1);
    else keys.e();
  } else if (event.key === " ") {
    if (target.tagName === "BUTTON") return;
    play();
  } else if (keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});
search.addEventListener("input", find);
for (const [id, action] of Object.entries({"zoom-in": () => zoom(1.25), "zoom-out": () => zoom(0.8), fit, theme: toggleTheme,
  "help-button": () => help.showModal(), "find-on": () => next(1), "find-back": () => next(-1)})) $(id).addEventListener("click", action);
new ResizeObserver(() => { measure(); if (fitted) fit(); show(); }).observe(main);

(async () => {
  measure();
  startPasses();
  togglePanel(views.length > 1);
  await Promise.all([...document.fonts].map(f => f.load()));
  for (const p of views[0].shut || []) closed.add(p);
  await showView(0);
  measure();
  fit();
  // A drawing that is unreadable as a whole opens at its first node.
  if (camera.s < 0.12 && view.nodes[0]) {
    const {cx, cy} = view.nodes[0], wide = view.w > view.h;
    fitted = false;
    camera.s = 0.7;
    camera.x = cx - (wide ? 80 : size.w / 2) / camera.s;
    camera.y = cy - (wide ? size.h / 2 : 80) / camera.s;
  }
  frame();
  document.documentElement.dataset.ready = "";
})();
