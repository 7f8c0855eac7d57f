// The minimap: the whole drawing in a corner, with a frame around what the window shows. It is there while something is out of sight.

const map = $("map"), mapPen = map.getContext("2d");
let mapOf = null, mapPicture = null, mapScale = 1;

// paintMap paints the drawing anew only where it or its colours have changed.
function paintMap() {
  const {w, h} = extent(), r = inSight(0);
  map.hidden = !(r.x0 > 1 || r.y0 > 1 || r.x1 < w - 1 || r.y1 < h - 1) || size.w < 500 || size.h < 300;
  if (map.hidden) return;
  const ratio = devicePixelRatio || 1, most = Math.min(220, size.w / 4);
  if (!mapOf || mapOf.extent !== view.extent || mapOf.colours !== colours || mapOf.most !== most) {
    const s = Math.min(most / w, 150 / h), W = Math.max(w * s, 24), H = Math.max(h * s, 16);
    mapScale = s;
    map.style.width = W + "px";
    map.style.height = H + "px";
    map.width = Math.round(W * ratio);
    map.height = Math.round(H * ratio);
    mapPicture = document.createElement("canvas");
    mapPicture.width = map.width;
    mapPicture.height = map.height;
    const pen = mapPicture.getContext("2d"), least = 1.5 / s;
    pen.fillStyle = colour("bg");
    pen.fillRect(0, 0, map.width, map.height);
    pen.scale(s * ratio, s * ratio);
    for (const c of view.clusters) if (!c.hidden) {
      pen.fillStyle = colour(c.closed ? "line" : c.kind + "-border");
      pen.globalAlpha = c.closed ? 1 : 0.5;
      pen.fillRect(c.box.x, c.box.y, c.box.w, c.box.h);
    }
    pen.globalAlpha = 1;
    for (const n of view.nodes) if (!n.hidden) {
      const W = Math.max(n.w, least), H = Math.max(n.h, least);
      pen.fillStyle = colour(n.stroke);
      pen.fillRect(n.cx - W / 2, n.cy - H / 2, W, H);
    }
    mapOf = {extent: view.extent, colours, most};
  }
  mapPen.setTransform(1, 0, 0, 1, 0, 0);
  mapPen.drawImage(mapPicture, 0, 0);
  const s = mapScale * ratio, x = Math.max(0, r.x0 * s), y = Math.max(0, r.y0 * s);
  mapPen.strokeStyle = colour("warn-line");
  mapPen.lineWidth = 2 * ratio;
  mapPen.strokeRect(x, y, Math.max(3 * ratio, Math.min(map.width, r.x1 * s) - x), Math.max(3 * ratio, Math.min(map.height, r.y1 * s) - y));
}

// A press, and a drag, bring the place under the mouse into the middle of the window.
function toMap(event) {
  event.stopPropagation();
  if (event.type === "pointermove" && !event.buttons) return;
  if (event.type === "pointerdown") map.setPointerCapture(event.pointerId);
  const r = map.getBoundingClientRect();
  centre((event.clientX - r.left) / mapScale, (event.clientY - r.top) / mapScale);
}
for (const type of ["pointerdown", "pointermove"]) map.addEventListener(type, toMap);
for (const type of ["pointerup", "dblclick"]) map.addEventListener(type, event => event.stopPropagation());
