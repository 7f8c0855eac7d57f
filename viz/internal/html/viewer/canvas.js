// Large drawings are painted on a canvas: thousands of elements would take longer than a frame.

const canvas = $("canvas"), pen = canvas.getContext("2d", {alpha: false});
let colours = {};

function colour(role) {
  if (!colours[role]) colours[role] = getComputedStyle(document.documentElement).getPropertyValue("--" + role).trim() || "#888";
  return colours[role];
}

const edgeColours = {forward: "line", reverse: "adjoint-line", gradient: "adjoint-line", ghost: "input-line", former: "muted", next: "line"};

function paintCanvas() {
  const ratio = devicePixelRatio || 1, w = Math.round(size.w * ratio), h = Math.round(size.h * ratio);
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const s = camera.s * ratio;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.globalAlpha = 1;
  pen.fillStyle = colour("bg");
  pen.fillRect(0, 0, w, h);
  pen.setTransform(s, 0, 0, s, -camera.x * s, -camera.y * s);
  for (const c of view.clusters) if (!c.hidden) {
    const b = c.box;
    pen.fillStyle = colour(c.closed ? "paper" : c.kind + "-tint");
    pen.strokeStyle = colour(c.closed ? "line" : c.kind + "-border");
    pen.lineWidth = Math.max(1.2, 1 / s);
    pen.beginPath();
    pen.roundRect(b.x, b.y, b.w, b.h, 14);
    pen.fill();
    pen.stroke();
  }
  paintEdges(s);
  if (camera.s > readable) paintNear(); else paintNodes(s);
  paintTitles();
  paintFrames();
}

const dashes = {reverse: [6, 4.5], ghost: [4.5, 3.5], former: [2, 4], next: [5, 4]};
const readable = 0.3; // pixels per unit from which text, arrows and ornaments can be told

// Edges of one look are drawn together, as lines where curves could not be told.
function paintEdges(s) {
  const groups = new Map();
  for (const e of view.edges) if (e.seen) {
    const key = e.kind + (e.dim ? " dim" : "");
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(e);
  }
  const near = camera.s > readable;
  pen.lineWidth = Math.max(1.5, 0.7 / s);
  for (const [key, edges] of [...groups].sort((a, b) => b[0].includes(" dim") - a[0].includes(" dim"))) {
    pen.strokeStyle = pen.fillStyle = colour(edgeColours[edges[0].kind]);
    pen.globalAlpha = key.endsWith(" dim") ? 0.12 : near ? 1 : 0.6;
    pen.setLineDash(near && dashes[edges[0].kind] || []);
    for (let from = 0; from < edges.length; from += 100) {
      const some = edges.slice(from, from + 100);
      pen.beginPath();
      for (const e of some) {
        const p = e.now || e.path;
        pen.moveTo(p[0], p[1]);
        if (near) for (let i = 2; i + 5 < p.length; i += 6) pen.bezierCurveTo(p[i], p[i + 1], p[i + 2], p[i + 3], p[i + 4], p[i + 5]);
        else for (let i = 6; i + 1 < p.length; i += 6) pen.lineTo(p[i], p[i + 1]);
      }
      pen.stroke();
      if (!near) continue;
      pen.beginPath();
      for (const e of some) {
        const t = e.nowTip || e.tip;
        pen.moveTo(t[0], t[1]);
        pen.lineTo(t[2], t[3]);
        pen.lineTo(t[4], t[5]);
      }
      pen.fill();
    }
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

function paintNodes(s) {
  const groups = new Map();
  for (const n of view.nodes) if (n.seen) {
    const key = n.fill + " " + (n.hit ? "warn-line" : n.stroke) + (n.dim ? " dim" : "");
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(n);
  }
  const rough = s < 0.2;
  for (const [key, nodes] of groups) {
    const [fill, stroke, dim] = key.split(" ");
    // What is dim is mixed with the background, so that edges do not show through.
    pen.fillStyle = dim ? colour("bg") : colour(fill);
    pen.strokeStyle = colour(stroke);
    pen.lineWidth = Math.max(nodes[0].hit ? 4 : 1.6, (nodes[0].hit ? 2.5 : 0.8) / s);
    pen.globalAlpha = 1;
    for (let from = 0; from < nodes.length; from += 200) {
      pen.beginPath();
      for (const n of nodes.slice(from, from + 200)) {
        const x = n.cx - n.w / 2, y = n.cy - n.h / 2;
        if (rough) pen.rect(x, y, n.w, n.h);
        else pen.roundRect(x, y, n.w, n.h, Math.min(n.radius || 0, n.h / 2, n.w / 2));
      }
      pen.fill();
      pen.globalAlpha = dim ? 0.2 : 1;
      pen.stroke();
      pen.globalAlpha = 1;
    }
  }
}

// Titles of scopes keep a size that can be read where there is room for them.
function paintTitles() {
  pen.fillStyle = colour("ink");
  for (const c of view.clusters) if (!c.hidden && c.title) {
    const size = Math.max(15, 12 / camera.s), font = c.closed ? "system-ui,sans-serif" : '"Adjoint Text",serif';
    if (c.title.length * size * 0.6 > c.box.w || size * 1.6 > c.box.h) continue;
    pen.font = `${size}px ${font}`;
    pen.textAlign = c.closed ? "center" : "left";
    const x = c.closed ? c.cx : c.box.x + 10, y = c.closed ? c.cy + size / 3 : c.box.y + size * 1.15;
    if (!c.closed) {
      pen.globalAlpha = 0.85;
      pen.fillStyle = colour(c.kind + "-tint");
      pen.fillRect(x - 2, y - size * 0.8, pen.measureText(c.title).width + 4, size * 1.1);
      pen.globalAlpha = 1;
      pen.fillStyle = colour("ink");
    }
    pen.fillText(c.title, x, y);
  }
  pen.textAlign = "left";
}

// The inner rings of results, collapsed scopes and the signs of changes.
function paintOrnaments() {
  pen.lineWidth = 1.6;
  for (const n of view.nodes) if (n.seen && !n.dim && n.class.startsWith("output")) {
    pen.strokeStyle = colour(n.stroke);
    pen.beginPath();
    pen.roundRect(n.cx - n.w / 2 + 4, n.cy - n.h / 2 + 4, n.w - 8, n.h - 8, Math.max(0, n.radius - 4));
    pen.stroke();
  }
  pen.textAlign = "center";
  for (const n of view.nodes) if (n.seen && n.change) {
    const x = n.cx + n.w / 2 - 3, y = n.cy - n.h / 2 + 3;
    pen.fillStyle = colour(n.stroke);
    pen.beginPath();
    pen.arc(x, y, 8.5, 0, 7);
    pen.fill();
    pen.fillStyle = colour("bg");
    pen.font = "bold 14px system-ui,sans-serif";
    pen.fillText(changeSigns[n.change], x, y + 5);
  }
  pen.textAlign = "left";
}

// shapesOf and textsOf read from an element of the drawing what a canvas needs to paint it.
function shapesOf(element) {
  return [...element.querySelectorAll("rect,circle,ellipse,path")].map(e => {
    const value = name => +e.getAttribute(name), classes = [...e.classList], outline = new Path2D(e.getAttribute("d") || undefined);
    if (e.tagName === "rect") outline.roundRect(value("x"), value("y"), value("width"), value("height"), value("rx"));
    if (e.tagName === "circle") outline.arc(value("cx"), value("cy"), value("r"), 0, 7);
    if (e.tagName === "ellipse") outline.ellipse(value("cx"), value("cy"), value("rx"), value("ry"), 0, 0, 7);
    return {outline, fill: classes.find(c => c.startsWith("f-"))?.slice(2), stroke: classes.find(c => c.startsWith("s-"))?.slice(2), width: value("stroke-width"),
      dash: (e.getAttribute("stroke-dasharray") || "").split(" ").filter(Boolean).map(Number), adjoint: classes.includes("adjoint-value")};
  });
}

function textsOf(element) {
  return [...element.querySelectorAll("text,tspan")].filter(t => !t.firstElementChild).map(t => {
    const classes = [...t.classList], italic = classes.includes("i");
    return {x: +t.getAttribute("x"), y: +t.getAttribute("y"), text: t.textContent,
      font: `${t.getAttribute("font-size")}px "Adjoint Text${italic ? " Italic" : ""}","Adjoint Text","Adjoint Math",serif`,
      fill: classes.find(c => c.startsWith("f-"))?.slice(2) || "ink", value: classes.includes("value"), adjoint: classes.includes("adjoint-value")};
  });
}

// paintExactly paints an element as the drawing has it, moved by dx and dy.
function paintExactly(item, element, dx, dy) {
  item.shapes ||= shapesOf(element);
  item.texts ||= textsOf(element);
  pen.save();
  pen.translate(dx, dy);
  item.shapes.forEach((s, k) => {
    if (s.adjoint && item.unpassed) return;
    if (s.fill) { pen.fillStyle = colour(s.fill); pen.fill(s.outline); }
    if (!s.stroke) return;
    const hit = item.hit && k === 0;
    pen.strokeStyle = colour(hit ? "warn-line" : s.stroke);
    pen.lineWidth = hit ? 4 : s.width;
    pen.setLineDash(s.dash);
    pen.stroke(s.outline);
  });
  for (const t of item.texts) {
    if (t.value && item.unknown || t.adjoint && item.unpassed) continue;
    pen.font = t.font;
    pen.fillStyle = colour(t.fill);
    pen.fillText(t.text, t.x, t.y);
  }
  pen.restore();
}

// From near by, nodes and labels are painted as the drawing has them.
function paintNear() {
  for (const n of view.nodes) if (n.seen) {
    pen.globalAlpha = n.dim ? 0.16 : 1;
    paintExactly(n, n.element, n.cx - n.x, n.cy - n.y);
  }
  for (const e of view.edges) if (e.seen && !e.bent && e.labelElement) {
    e.label_ ||= {};
    pen.globalAlpha = e.dim ? 0.16 : 1;
    const at = e.labelElement.getAttribute("transform");
    paintExactly(e.label_, e.labelElement, ...at ? numbers(at) : [0, 0]);
  }
  pen.globalAlpha = 1;
}

function paintFrames() {
  view.frames ||= [...view.world.querySelectorAll(":scope > .title > g, :scope > .legend > g")].map(element => ({element}));
  for (const f of view.frames) {
    const at = f.element.getAttribute("transform");
    paintExactly(f, f.element, ...at ? numbers(at) : [0, 0]);
  }
}
