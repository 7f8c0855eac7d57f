// The camera: which part of the drawing the window shows. Small drawings are elements in one group that it moves, large
// ones are painted (canvas.js).

const camera = {x: 0, y: 0, s: 1}; // what stands at the window's corner, and pixels per unit
let size = {w: 1, h: 1};           // of the window
let pending = false;
let fitted = false;                // the drawing was fitted, and nobody has moved it since

function measure() { size = {w: main.clientWidth, h: main.clientHeight}; }

function show() {
  if (pending) return;
  pending = true;
  const once = () => { if (pending) { pending = false; frame(); } };
  requestAnimationFrame(once);
  setTimeout(once, 100); // pages in the background get no frames
}

function inSight(margin) {
  const m = margin / camera.s;
  return {x0: camera.x - m, y0: camera.y - m, x1: camera.x + size.w / camera.s + m, y1: camera.y + size.h / camera.s + m};
}

function frame() {
  if (!view) return;
  const transform = `matrix(${camera.s} 0 0 ${camera.s} ${-camera.x * camera.s} ${-camera.y * camera.s})`;
  if (view.large) {
    const r = inSight(10);
    for (const n of view.nodes) n.seen = !n.hidden && n.cx + n.w / 2 > r.x0 && n.cx - n.w / 2 < r.x1 && n.cy + n.h / 2 > r.y0 && n.cy - n.h / 2 < r.y1;
    for (const e of view.edges) { const b = e.box; e.seen = !e.hidden && b.x1 > r.x0 && b.x0 < r.x1 && b.y1 > r.y0 && b.y0 < r.y1; }
    paintCanvas();
  } else {
    view.world.setAttribute("transform", transform);
    for (const n of view.nodes) sync(n);
    for (const e of view.edges) sync(e);
  }
  marks.setAttribute("transform", transform);
  paintMarks();
  paintMap();
}

// sync brings the classes and the visibility of an element up to date.
function sync(item) {
  const visible = !item.hidden;
  if (item.visible !== visible) {
    item.visible = visible;
    item.element.style.display = visible ? "" : "none";
    if (item.labelElement) item.labelElement.style.display = visible && !item.bent ? "" : "none";
  }
  if (!visible) return;
  const state = (item.dim ? " dim" : "") + (item.hit ? " hit" : "") + (item.unknown ? " unknown" : "") + (item.unpassed ? " unpassed" : "");
  if (item.state === state) return;
  item.state = state;
  item.element.setAttribute("class", item.base + state);
  item.labelElement?.setAttribute("class", "label" + state);
}

const toDrawing = (clientX, clientY) => {
  const r = main.getBoundingClientRect();
  return {x: camera.x + (clientX - r.left) / camera.s, y: camera.y + (clientY - r.top) / camera.s};
};

function zoom(factor, at) {
  fitted = false;
  const s = Math.min(Math.max(camera.s * factor, Math.min(0.02, fitScale())), 8);
  const c = at || {x: camera.x + size.w / 2 / camera.s, y: camera.y + size.h / 2 / camera.s};
  camera.x = c.x - (c.x - camera.x) * camera.s / s;
  camera.y = c.y - (c.y - camera.y) * camera.s / s;
  camera.s = s;
  show();
}

function pan(dx, dy) { fitted = false; camera.x += dx / camera.s; camera.y += dy / camera.s; show(); }

const extent = () => view.extent || {w: view.w, h: view.h};
const fitScale = () => Math.min(size.w / extent().w, size.h / extent().h);

function fit() {
  const {w, h} = extent();
  camera.s = Math.min(fitScale(), 2);
  camera.x = w / 2 - size.w / 2 / camera.s;
  camera.y = h / 2 - size.h / 2 / camera.s;
  fitted = true;
  show();
}

function centre(x, y) { fitted = false; camera.x = x - size.w / 2 / camera.s; camera.y = y - size.h / 2 / camera.s; show(); }

// reveal moves the camera where a node is out of sight or too small to read.
function reveal(n) {
  const small = camera.s < 0.5;
  if (small) camera.s = 0.9;
  const x = (n.cx - camera.x) * camera.s, y = (n.cy - camera.y) * camera.s;
  if (small || x < 40 || y < 40 || x > size.w - 40 || y > size.h - 40) centre(n.cx, n.cy);
  else show();
}

// Marks stand over the drawing: the node under the mouse, the selected one, the one being computed.
const marks = $("marks");
const marked = {hover: null, selected: null, start: null, current: null};

function paintMarks() {
  const elements = marks.children;
  let k = 0;
  for (const [name, item] of Object.entries(marked)) {
    if (!item || item.hidden) continue;
    let r = elements[k++];
    if (!r) { r = document.createElementNS("http://www.w3.org/2000/svg", "rect"); marks.append(r); }
    const pad = name === "current" ? 5 : 3;
    const b = boxOf(item);
    const values = {class: name, x: b.x - pad, y: b.y - pad, width: b.w + 2 * pad, height: b.h + 2 * pad, rx: Math.min(item.radius || 12, b.h / 2) + pad};
    for (const a in values) if (r.getAttribute(a) !== String(values[a])) r.setAttribute(a, values[a]);
  }
  while (elements.length > k) elements[k].remove();
}

const boxOf = item => item.kindOf ? item.box : {x: item.cx - item.w / 2, y: item.cy - item.h / 2, w: item.w, h: item.h};
