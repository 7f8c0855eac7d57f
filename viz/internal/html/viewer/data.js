// The data of the page: views, their drawings, and the elements of the page.

const $ = id => document.getElementById(id);
const main = $("view"), details = $("details"), live = $("live");
const views = JSON.parse($("views").textContent);
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

async function unpack(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), c => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}

// The view that is shown: nodes, edges and clusters with their elements, and who is joined to whom.
let view = null;
const loaded = new Map();

// load returns what an entry of the page's list stands for.
async function load(entry) {
  if (loaded.has(entry)) return loaded.get(entry);
  const script = $(entry.view);
  const data = JSON.parse(script.type === "application/json" ? script.textContent : await unpack(entry.view));
  const svg = entry.drawing ? new DOMParser().parseFromString(await unpack(entry.drawing), "image/svg+xml").documentElement : main.querySelector("svg.adjoint");
  const v = prepare(data, document.importNode(svg, true));
  loaded.set(entry, v);
  return v;
}

// fold returns a text as it is searched: small letters, without marks above them, lowered and raised ones on the line.
const fold = text => text.normalize("NFKD").replace(/\p{M}/gu, "").replaceAll("−", "-").toLowerCase();

// numbers returns the coordinates of a path of lines and cubic curves.
const numbers = d => d.match(/-?[\d.]+/g).map(Number);

// mostElements is the number of nodes and edges up to which the browser draws the elements itself.
const mostElements = 600;

function prepare(data, svg) {
  const byId = new Map();
  for (const g of svg.querySelectorAll("g[id]")) byId.set(g.id, g);
  const v = {...data, svg, items: [], large: data.nodes.length + data.edges.length > mostElements};
  v.nodes.forEach((n, i) => {
    Object.assign(n, {index: i, element: byId.get(n.id), into: [], out: [], cx: n.x, cy: n.y, kind: "node",
      text: fold(n.label + " " + n.id + " " + n.class + " " + n.details)});
    n.constant = n.class === "constant";
  });
  v.edges.forEach((e, i) => {
    const element = byId.get(e.id), [line, head] = element.querySelectorAll("path");
    const tip = head ? numbers(head.getAttribute("d")) : [];
    const path = line ? numbers(line.getAttribute("d")) : [];
    Object.assign(e, {index: i, element, line, head, path, tip, d: line?.getAttribute("d") || "", headD: head?.getAttribute("d") || "",
      labelElement: byId.get(e.id + "-label"), box: bounds(path.concat(tip.slice(0, 2))), kindOf: e.kind});
    e.originalBox = e.box;
    if (!["reverse", "former", "next"].includes(e.kind)) { v.nodes[e.from].out.push(e); v.nodes[e.to].into.push(e); }
  });
  v.clusters.forEach((c, i) => Object.assign(c, {index: i, kindOf: c.kind, element: byId.get(c.id), title_: byId.get(c.id + "-title"), members: [],
    box: {x: c.x, y: c.y, w: c.w, h: c.h}, collapsed: false, children: [], depth: c.parent < 0 ? 0 : v.clusters[c.parent].depth + 1,
    scope: (c.parent < 0 || !v.clusters[c.parent].scope ? "" : v.clusters[c.parent].scope + "/") + (c.kind === "scope" ? c.name : "")}));
  for (const c of v.clusters) if (c.parent >= 0) v.clusters[c.parent].children.push(c);
  for (const n of v.nodes) for (let c = n.cluster; c >= 0; c = v.clusters[c].parent) v.clusters[c].members.push(n);
  // All that is drawn goes into one group, which the camera moves.
  v.world = document.createElementNS("http://www.w3.org/2000/svg", "g");
  v.world.append(...svg.querySelectorAll(":scope > g"));
  svg.querySelector(":scope > rect.f-bg")?.remove();
  svg.append(v.world);
  for (const a of ["viewBox", "width", "height"]) svg.removeAttribute(a);
  for (const n of v.nodes) {
    n.element.setAttribute("role", "img");
    n.element.setAttribute("aria-label", n.label + (n.details ? ", " + n.details.replaceAll("\n", ", ") : ""));
    v.items.push(n);
  }
  for (const item of [...v.nodes, ...v.edges]) item.base = item.element.getAttribute("class");
  return v;
}

function bounds(p) {
  let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
  for (let i = 0; i + 1 < p.length; i += 2) {
    x0 = Math.min(x0, p[i]); x1 = Math.max(x1, p[i]);
    y0 = Math.min(y0, p[i + 1]); y1 = Math.max(y1, p[i + 1]);
  }
  return {x0, y0, x1, y1};
}
