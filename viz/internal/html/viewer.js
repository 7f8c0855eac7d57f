"use strict";
(() => {
  const graph = JSON.parse(document.getElementById("graph").textContent);
  const view = document.getElementById("view");
  const svg = view.querySelector("svg");
  const details = document.getElementById("details");
  const search = document.getElementById("search");
  const hits = document.getElementById("hits");
  const slider = document.getElementById("step");
  const stepText = document.getElementById("step-text");
  const playButton = document.getElementById("play");
  const help = document.getElementById("help");

  // Nodes and edges with their elements, and who is joined to whom.
  const nodes = graph.nodes.map((n, i) => ({...n, index: i, element: document.getElementById(n.id), into: [], out: [],
    text: (n.label + " " + n.id + " " + n.class + " " + n.details).toLowerCase()}));
  const edges = graph.edges.map((e, i) => ({...e, index: i, elements: [document.getElementById(e.id), document.getElementById(e.id + "-label")].filter(Boolean)}));
  const byElement = new Map();
  for (const n of nodes) if (n.element) byElement.set(n.element, n);
  for (const e of edges) if (e.kind !== "reverse") { nodes[e.from].out.push(e); nodes[e.to].into.push(e); }
  view.classList.toggle("large", nodes.length > 1500);

  // The view: a box of the drawing shown in the window.
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  let box = {x: 0, y: 0, w: width, h: height};
  let pending = false;
  function show() {
    if (pending) return;
    pending = true;
    const draw = () => {
      if (!pending) return;
      pending = false;
      svg.setAttribute("viewBox", `${box.x} ${box.y} ${box.w} ${box.h}`);
      view.classList.toggle("far", nodes.length > 400 && scale() < 0.3);
    };
    requestAnimationFrame(draw);
    setTimeout(draw, 100); // pages in the background get no frames
  }
  function scale() { return Math.min(view.clientWidth / box.w, view.clientHeight / box.h); }
  function origin() { // of the drawing in the window, which is centred in it
    const s = scale();
    return {s, left: (view.clientWidth - box.w * s) / 2, top: (view.clientHeight - box.h * s) / 2};
  }
  function toDrawing(clientX, clientY) {
    const r = view.getBoundingClientRect(), o = origin();
    return {x: box.x + (clientX - r.left - o.left) / o.s, y: box.y + (clientY - r.top - o.top) / o.s};
  }
  function zoom(factor, at) {
    const s = scale();
    factor = Math.min(Math.max(factor, 0.02 / s), 8 / s);
    const c = at || {x: box.x + box.w / 2, y: box.y + box.h / 2};
    box = {x: c.x - (c.x - box.x) / factor, y: c.y - (c.y - box.y) / factor, w: box.w / factor, h: box.h / factor};
    show();
  }
  function pan(dx, dy) { box.x += dx; box.y += dy; show(); }
  function fit() { box = {x: 0, y: 0, w: width, h: height}; show(); }
  function reveal(n) {
    const b = n.element.getBBox();
    const c = {x: b.x + b.width / 2, y: b.y + b.height / 2};
    const s = scale();
    if (s < 0.6) { box.w *= s / 0.9; box.h *= s / 0.9; }
    const o = origin();
    const shown = {w: view.clientWidth / o.s, h: view.clientHeight / o.s};
    const middle = {x: box.x + box.w / 2, y: box.y + box.h / 2};
    if (s < 0.6 || Math.abs(c.x - middle.x) > shown.w * 0.42 || Math.abs(c.y - middle.y) > shown.h * 0.42) {
      box.x = c.x - box.w / 2;
      box.y = c.y - box.h / 2;
    }
    show();
  }

  // Selection: a node with all it depends on and all that depends on it.
  let selected = null;
  function reach(start, links, end) {
    const seen = new Set([start]);
    const queue = [start];
    for (let k = 0; k < queue.length; k++)
      for (const e of nodes[queue[k]][links]) if (!seen.has(e[end])) { seen.add(e[end]); queue.push(e[end]); }
    return seen;
  }
  function mark(chosen) {
    for (const n of nodes) n.element?.classList.toggle("on", chosen.has(n.index));
    for (const e of edges) for (const x of e.elements) x.classList.toggle("on", chosen.has(e.from) && chosen.has(e.to));
    view.classList.add("focus");
  }
  function clear() {
    view.classList.remove("focus");
    selected?.element.classList.remove("selected");
    selected = null;
    details.hidden = true;
  }
  function describe(n, extra) {
    details.replaceChildren();
    const head = document.createElement("b");
    head.textContent = n.label;
    const facts = document.createElement("div");
    facts.textContent = n.details;
    const more = document.createElement("small");
    more.textContent = extra;
    details.append(head, facts, more);
    details.hidden = false;
  }
  function select(n, center) {
    selected?.element.classList.remove("selected");
    selected = n;
    n.element.classList.add("selected");
    const before = reach(n.index, "into", "from"), after = reach(n.index, "out", "to");
    mark(new Set([...before, ...after]));
    describe(n, `depends on ${before.size - 1}, used by ${after.size - 1} nodes`);
    if (center) reveal(n);
  }
  function path(a, b) {
    const between = (x, y) => { const up = reach(y.index, "into", "from"); return new Set([...reach(x.index, "out", "to")].filter(i => up.has(i))); };
    let chosen = between(a, b);
    if (!chosen.size) chosen = between(b, a);
    if (!chosen.size) { describe(b, "no path to the selected node"); return; }
    mark(chosen);
    describe(b, `${chosen.size} nodes on the paths to ${a.label}`);
  }

  // Search.
  let found = [], at = -1;
  function find() {
    for (const n of found) n.element.classList.remove("hit");
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = words.length ? nodes.filter(n => n.element && words.every(w => n.text.includes(w))) : [];
    for (const n of found) n.element.classList.add("hit");
    at = -1;
    hits.textContent = words.length ? (found.length === 1 ? "1 hit" : `${found.length} hits`) : "";
  }
  function next(step) {
    if (!found.length) return;
    at = (at + step + found.length) % found.length;
    hits.textContent = `${at + 1} of ${found.length}`;
    select(found[at], true);
  }
  search.addEventListener("input", find);
  search.addEventListener("keydown", event => {
    if (event.key === "Enter") { next(event.shiftKey ? -1 : 1); event.preventDefault(); }
    if (event.key === "Escape") { search.value = ""; find(); clear(); view.focus(); }
    event.stopPropagation();
  });

  // Execution: the nodes in order, then, where there are adjoints, backwards.
  const order = [...nodes].sort((a, b) => a.step - b.step);
  const backward = edges.some(e => e.kind === "reverse");
  const steps = backward ? [...order.map(n => [n, false]), ...[...order].reverse().map(n => [n, true])] : order.map(n => [n, false]);
  slider.max = steps.length;
  slider.value = steps.length;
  let timer = 0;
  function step(k) {
    k = Math.max(0, Math.min(steps.length, k));
    slider.value = k;
    for (const n of nodes) n.element?.classList.remove("current", "done");
    const all = k === steps.length;
    view.classList.toggle("stepping", !all);
    if (all) { stepText.textContent = `${steps.length} steps`; return; }
    const forward = new Set(), reverse = new Set();
    for (let i = 0; i < k; i++) (steps[i][1] ? reverse : forward).add(steps[i][0].index);
    for (const n of nodes) n.element?.classList.toggle("done", forward.has(n.index));
    for (const e of edges) {
      const done = e.kind === "reverse" ? reverse.has(e.from) : forward.has(e.from) && forward.has(e.to);
      for (const x of e.elements) x.classList.toggle("done", done);
    }
    if (k > 0) {
      const [n, back] = steps[k - 1];
      n.element?.classList.add("current", "done");
      stepText.textContent = `${back ? "backward" : "forward"} ${k} of ${steps.length}`;
      describe(n, back ? "adjoint passed on to its operands" : "computed");
    } else stepText.textContent = `0 of ${steps.length}`;
  }
  function stop() { clearInterval(timer); timer = 0; playButton.textContent = "▶"; }
  function play() {
    if (timer) { stop(); return; }
    clear();
    if (+slider.value >= steps.length) step(0);
    playButton.textContent = "⏸";
    timer = setInterval(() => { step(+slider.value + 1); if (+slider.value >= steps.length) stop(); }, Math.max(60, Math.min(700, 12000 / steps.length)));
  }
  slider.addEventListener("input", () => { stop(); clear(); step(+slider.value); });
  playButton.addEventListener("click", play);

  // Mouse and touch.
  let drag = null;
  const pointers = new Map();
  view.addEventListener("pointerdown", event => {
    pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    drag = {x: event.clientX, y: event.clientY, moved: false, target: event.target};
  });
  view.addEventListener("pointermove", event => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const far = Math.hypot(a.x - b.x, a.y - b.y);
      pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
      const [c, d] = [...pointers.values()];
      zoom(Math.hypot(c.x - d.x, c.y - d.y) / far, toDrawing((c.x + d.x) / 2, (c.y + d.y) / 2));
      return;
    }
    if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4) {
      drag.moved = true;
      view.setPointerCapture(event.pointerId);
      view.classList.add("dragging");
    }
    if (drag.moved) {
      const s = scale();
      pan((before.x - event.clientX) / s, (before.y - event.clientY) / s);
      pointers.set(event.pointerId, {x: event.clientX, y: event.clientY});
    }
  });
  function release(event) {
    pointers.delete(event.pointerId);
    view.classList.remove("dragging");
  }
  view.addEventListener("pointerup", event => {
    release(event);
    if (!drag || drag.moved) return;
    const n = byElement.get(drag.target.closest?.(".node"));
    if (!n) clear();
    else if (event.shiftKey && selected && selected !== n) path(selected, n);
    else select(n, false);
  });
  view.addEventListener("pointercancel", release);
  view.addEventListener("wheel", event => {
    event.preventDefault();
    const amount = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    zoom(Math.exp(-amount * 0.0015), toDrawing(event.clientX, event.clientY));
  }, {passive: false});
  view.addEventListener("pointerover", event => {
    if (selected || pointers.size || view.classList.contains("stepping")) return;
    const n = byElement.get(event.target.closest?.(".node"));
    if (n) describe(n, ""); else details.hidden = true;
  });

  // Keys.
  function toggleTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  }
  function walk(key) {
    const n = selected;
    const position = m => { const b = m.element.getBBox(); return {x: b.x + b.width / 2, y: b.y + b.height / 2}; };
    const here = position(n);
    let best = null, least = Infinity;
    for (const m of nodes) {
      if (m === n || !m.element) continue;
      const joined = n.into.some(e => e.from === m.index) || n.out.some(e => e.to === m.index);
      const p = position(m), dx = p.x - here.x, dy = p.y - here.y;
      const along = {ArrowLeft: -dx, ArrowRight: dx, ArrowUp: -dy, ArrowDown: dy}[key];
      const across = key === "ArrowLeft" || key === "ArrowRight" ? Math.abs(dy) : Math.abs(dx);
      if (along <= 1) continue;
      const cost = (along + 2 * across) * (joined ? 0.2 : 1);
      if (cost < least) { least = cost; best = m; }
    }
    if (best) select(best, true);
  }
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target === slider) return;
    const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    const sequence = step => { const list = order; const k = selected ? list.indexOf(selected) + step : step > 0 ? 0 : list.length - 1; const n = list[(k + list.length) % list.length]; if (n) select(n, true); };
    if (arrows[event.key]) {
      if (selected) walk(event.key);
      else pan(arrows[event.key][0] * box.w * 0.1, arrows[event.key][1] * box.h * 0.1);
    } else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-" || event.key === "−") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "/") search.focus();
    else if (event.key === "d") toggleTheme();
    else if (event.key === "n") sequence(1);
    else if (event.key === "p") sequence(-1);
    else if (event.key === "]") { stop(); clear(); step(+slider.value + 1); }
    else if (event.key === "[") { stop(); clear(); step(+slider.value - 1); }
    else if (event.key === " " && event.target.tagName !== "BUTTON") play();
    else if (event.key === "?") help.showModal();
    else if (event.key === "Escape") { stop(); clear(); step(steps.length); }
    else return;
    event.preventDefault();
  });
  document.getElementById("zoom-in").addEventListener("click", () => zoom(1.25));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(0.8));
  document.getElementById("fit").addEventListener("click", fit);
  document.getElementById("theme").addEventListener("click", toggleTheme);
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  addEventListener("resize", show);
  step(steps.length);
  // A drawing that is unreadable as a whole opens at its first node.
  if (scale() < 0.15 && order[0]?.element) {
    const b = order[0].element.getBBox(), s = scale() / 0.7;
    box.w *= s; box.h *= s;
    const o = origin();
    box.x = b.x + b.width / 2 - box.w / 2 + view.clientWidth / o.s * (width > height ? 0.4 : 0);
    box.y = b.y + b.height / 2 - box.h / 2 + view.clientHeight / o.s * (width > height ? 0 : 0.4);
  }
  show();
})();
