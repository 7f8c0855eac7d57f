// Collapsing of scopes. A collapsed scope stays a box in its place, and the room that it no longer needs is taken
// out of the drawing: along each axis, stretches are shortened in which only hidden things stand. Nothing else
// moves against its neighbours, so that the drawing stays the one that was laid out.

const tight = 0.04;         // what is left of a stretch in which only hidden things stand
const leastBox = {w: 96, h: 58};

// squeeze returns a map of one axis: keep and shrink are lists of intervals.
function squeeze(keep, shrink, length) {
  const events = [];
  for (const [a, b] of keep) events.push([a, 1, 0], [b, -1, 0]);
  for (const [a, b] of shrink) events.push([a, 0, 1], [b, 0, -1]);
  events.sort((p, q) => p[0] - q[0]);
  const from = [0], to = [0];
  let kept = 0, shrunk = 0, x = 0, y = 0;
  const advance = next => {
    y += (next - x) * (shrunk > 0 && kept === 0 ? tight : 1);
    x = next;
    from.push(x);
    to.push(y);
  };
  for (const [at, k, s] of events) {
    if (at > x) advance(at);
    kept += k;
    shrunk += s;
  }
  if (length > x) advance(length);
  return v => {
    if (v <= 0) return v;
    let lo = 0, hi = from.length - 1;
    if (v >= from[hi]) return to[hi] + v - from[hi];
    while (hi - lo > 1) { const m = (lo + hi) >> 1; if (from[m] <= v) lo = m; else hi = m; }
    return to[lo] + (v - from[lo]) / (from[hi] - from[lo] || 1) * (to[hi] - to[lo]);
  };
}

const collapsedAbove = i => { let top = null; for (let c = i; c >= 0; c = view.clusters[c].parent) if (view.clusters[c].collapsed) top = view.clusters[c]; return top; };

// arrange places everything for the scopes that are collapsed.
function arrange() {
  for (const c of view.clusters) {
    const above = c.parent < 0 ? null : collapsedAbove(c.parent);
    c.hidden = !!above;
    c.closed = c.collapsed && !above;
  }
  for (const n of view.nodes) { n.inside = collapsedAbove(n.cluster); n.hidden = !!n.inside; }
  const drawn = new Set();
  for (const e of view.edges) {
    const a = view.nodes[e.from].inside, b = view.nodes[e.to].inside;
    e.bent = !!(a || b);
    e.hidden = a && a === b;
    if (!e.bent || e.hidden) continue;
    const key = `${a ? "c" + a.index : e.from} ${b ? "c" + b.index : e.to} ${e.kind}`;
    if (drawn.has(key)) e.hidden = true;
    drawn.add(key);
  }
  const any = view.clusters.some(c => c.closed);
  let mapX = v => v, mapY = v => v;
  if (any) {
    const keepX = [], keepY = [], shrinkX = [], shrinkY = [];
    const keep = (x0, x1, y0, y1) => { keepX.push([x0, x1]); keepY.push([y0, y1]); };
    for (const n of view.nodes) if (!n.hidden) keep(n.x - n.w / 2 - 16, n.x + n.w / 2 + 16, n.y - n.h / 2 - 10, n.y + n.h / 2 + 10);
    for (const e of view.edges) if (!e.hidden && !e.bent && e.labelElement) {
      const b = originalBox(e.labelElement);
      keep(b.x - 4, b.x + b.width + 4, b.y - 2, b.y + b.height + 2);
    }
    for (const c of view.clusters) if (!c.hidden) {
      const x1 = c.x + c.w, y1 = c.y + c.h;
      if (c.closed) {
        const w = Math.min(c.w, Math.max(leastBox.w, titleWidth(c) + 32)), h = Math.min(c.h, leastBox.h);
        keep(c.x + (c.w - w) / 2, c.x + (c.w + w) / 2, c.y + (c.h - h) / 2, c.y + (c.h + h) / 2);
        shrinkX.push([c.x, x1]);
        shrinkY.push([c.y, y1]);
      } else {
        keepX.push([c.x, c.x + 16], [x1 - 16, x1]);
        keepY.push([c.y, c.y + 30], [y1 - 16, y1]);
      }
    }
    for (const g of view.world.querySelectorAll(":scope > .title > g, :scope > .legend > g")) {
      const b = originalBox(g);
      keep(b.x, b.x + b.width, b.y, b.y + b.height);
    }
    mapX = squeeze(keepX, shrinkX, view.w);
    mapY = squeeze(keepY, shrinkY, view.h);
  }
  view.extent = {w: mapX(view.w), h: mapY(view.h)};
  view.map = {x: mapX, y: mapY};
  for (const n of view.nodes) {
    n.cx = mapX(n.x);
    n.cy = mapY(n.y);
    move(n.element, n.cx - n.x, n.cy - n.y);
  }
  for (const c of view.clusters) arrangeCluster(c, mapX, mapY);
  for (const e of view.edges) arrangeEdge(e, mapX, mapY, any);
  for (const g of view.world.querySelectorAll(":scope > .title > g, :scope > .legend > g")) {
    const b = originalBox(g);
    move(g, mapX(b.x + b.width / 2) - b.x - b.width / 2, mapY(b.y + b.height / 2) - b.y - b.height / 2);
  }
  view.items = [...view.nodes.filter(n => !n.hidden), ...view.clusters.filter(c => c.closed)];
}

function move(element, dx, dy) {
  const text = dx || dy ? `translate(${dx.toFixed(2)} ${dy.toFixed(2)})` : "";
  if ((element.getAttribute("transform") || "") === text) return;
  if (text) element.setAttribute("transform", text); else element.removeAttribute("transform");
}

// originalBox estimates the room of a title or legend from its text, since what is not shown cannot be measured.
function originalBox(g) {
  if (!g.originalBox) {
    const runs = textsOf(g), size = t => parseFloat(t.font), x0 = Math.min(...runs.map(t => t.x)), y0 = Math.min(...runs.map(t => t.y - size(t)));
    g.originalBox = {x: x0, y: y0, width: Math.max(...runs.map(t => t.x + 0.55 * size(t) * t.text.length)) - x0, height: Math.max(...runs.map(t => t.y)) - y0};
  }
  return g.originalBox;
}

const titleWidth = c => c.title.length * 8.5;

function arrangeCluster(c, mapX, mapY) {
  const x = mapX(c.x), y = mapY(c.y);
  c.box = {x, y, w: mapX(c.x + c.w) - x, h: mapY(c.y + c.h) - y};
  c.cx = x + c.box.w / 2;
  c.cy = y + c.box.h / 2;
  c.element.style.display = c.hidden ? "none" : "";
  c.element.classList.toggle("collapsed", c.closed);
  const r = c.element.querySelector("rect");
  for (const [a, v] of [["x", x], ["y", y], ["width", c.box.w], ["height", c.box.h]]) r.setAttribute(a, v.toFixed(2));
  if (c.title_) {
    c.title_.style.display = c.hidden || c.closed ? "none" : "";
    move(c.title_, x - c.x, y - c.y);
  }
  let text = c.element.querySelector("text");
  if (!c.closed) { text?.remove(); return; }
  if (!text) {
    text = document.createElementNS("http://www.w3.org/2000/svg", "text");
    text.setAttribute("class", "summary");
    const count = c.members.filter(n => !n.constant).length;
    for (const line of [c.title, count === 1 ? "1 node" : `${count} nodes`]) {
      const t = document.createElementNS("http://www.w3.org/2000/svg", "tspan");
      t.textContent = line;
      text.append(t);
    }
    c.element.append(text);
  }
  [...text.children].forEach((t, k) => { t.setAttribute("x", c.cx.toFixed(2)); t.setAttribute("y", (c.cy + (k ? 15 : -4)).toFixed(2)); });
}

// A path as a list of cubic curves.
const curves = p => { const list = []; for (let i = 2; i + 5 < p.length; i += 6) list.push([p[i - 2], p[i - 1], p[i], p[i + 1], p[i + 2], p[i + 3], p[i + 4], p[i + 5]]); return list; };
const point = (c, t) => { const u = 1 - t, a = u * u * u, b = 3 * u * u * t, d = 3 * u * t * t, e = t * t * t; return [a * c[0] + b * c[2] + d * c[4] + e * c[6], a * c[1] + b * c[3] + d * c[5] + e * c[7]]; };
const turn = p => { const q = []; for (let i = p.length - 2; i >= 0; i -= 2) q.push(p[i], p[i + 1]); return q; };

function head(c, t) { // the part of a curve before t
  const mix = (a, b) => a + (b - a) * t, out = c.slice();
  for (const o of [0, 1]) {
    const p0 = c[o], p1 = c[2 + o], p2 = c[4 + o], p3 = c[6 + o];
    const a = mix(p0, p1), b = mix(p1, p2), d = mix(p2, p3), e = mix(a, b), f = mix(b, d);
    out[2 + o] = a; out[4 + o] = e; out[6 + o] = mix(e, f);
  }
  return out;
}

// until cuts a path at the first point where a condition holds, which its end fulfils.
function until(p, inside) {
  const out = p.slice(0, 2);
  for (const c of curves(p)) {
    for (let k = 1; k <= 24; k++) {
      if (!inside(...point(c, k / 24))) continue;
      let lo = (k - 1) / 24, hi = k / 24;
      for (let i = 0; i < 20; i++) { const m = (lo + hi) / 2; if (inside(...point(c, m))) hi = m; else lo = m; }
      return out.concat(head(c, hi).slice(2));
    }
    out.push(...c.slice(2));
  }
  return out;
}

function arrangeEdge(e, mapX, mapY, any) {
  if (!e.line) return;
  if (!any) {
    if (e.now) { e.line.setAttribute("d", e.d); e.head?.setAttribute("d", e.headD); }
    e.now = e.nowTip = null;
    e.box = e.originalBox;
    if (e.labelElement) move(e.labelElement, 0, 0);
    e.visible = undefined;
    return;
  }
  const f = v => v.toFixed(2), text = p => `M${f(p[0])} ${f(p[1])}` + curves(p).map(c => "C" + c.slice(2).map(f).join(" ")).join("");
  if (!e.bent) { // its ends stand in stretches that keep their length
    const dx = mapX(e.tip[0]) - e.tip[0], dy = mapY(e.tip[1]) - e.tip[1];
    e.now = e.path.map((v, i) => i % 2 ? mapY(v) : mapX(v));
    e.nowTip = e.tip.map((v, i) => v + (i % 2 ? dy : dx));
    finishEdge(e, text, mapX, mapY);
    return;
  }
  if (e.hidden) return;
  const inBox = c => (x, y) => x > c.x && x < c.x + c.w && y > c.y && y < c.y + c.h;
  const from = view.nodes[e.from].inside, to = view.nodes[e.to].inside;
  let p = e.path.concat([e.path.at(-2), e.path.at(-1), e.tip[0], e.tip[1], e.tip[0], e.tip[1]]); // up to the tip
  if (to) p = until(p, inBox(to));
  if (from) p = turn(until(turn(p), inBox(from)));
  p = p.map((v, i) => i % 2 ? mapY(v) : mapX(v));
  const x = p.at(-2), y = p.at(-1);
  // The arrow's head points where the line does.
  const back = until(turn(p), (a, b) => Math.hypot(a - x, b - y) > 9.5), bx = back.at(-2), by = back.at(-1);
  const l = Math.hypot(x - bx, y - by) || 1, ux = (x - bx) / l, uy = (y - by) / l;
  e.nowTip = [x, y, x - 10.5 * ux - 3.7 * uy, y - 10.5 * uy + 3.7 * ux, x - 10.5 * ux + 3.7 * uy, y - 10.5 * uy - 3.7 * ux];
  e.now = until(p, (a, b) => Math.hypot(a - x, b - y) < 8.5);
  finishEdge(e, text, mapX, mapY);
}

function finishEdge(e, text, mapX, mapY) {
  const t = e.nowTip;
  e.line.setAttribute("d", text(e.now));
  e.head?.setAttribute("d", `M${t[0]} ${t[1]}L${t[2]} ${t[3]}L${t[4]} ${t[5]}Z`);
  e.box = bounds(e.now.concat(t));
  if (e.labelElement) {
    const b = originalBox(e.labelElement), x = b.x + b.width / 2, y = b.y + b.height / 2;
    move(e.labelElement, mapX(x) - x, mapY(y) - y);
  }
  e.visible = undefined; // its label may come or go
}
