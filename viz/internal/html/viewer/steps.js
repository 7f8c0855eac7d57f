// The walk through the execution: values appear as they become known, forward and then backward.

const slider = $("step"), stepText = $("step-text"), playButton = $("play");
let timer = 0, now = 0;

function startSteps() {
  slider.max = view.steps.length;
  $("steps").hidden = !view.steps.length;
  step(view.steps.length);
}

function step(k) {
  const steps = view.steps, all = k >= steps.length;
  now = k = Math.max(0, Math.min(steps.length, k));
  slider.value = k;
  slider.setAttribute("aria-valuetext", `${k} of ${steps.length}`);
  main.classList.toggle("stepping", !all);
  marked.current = null;
  if (all) {
    for (const n of view.nodes) n.dim = n.unknown = n.unpassed = false;
    for (const e of view.edges) e.dim = false;
    stepText.textContent = `${steps.length} steps`;
    show();
    return;
  }
  const computed = new Set(), passed = new Set();
  for (let i = 0; i < k; i++) (steps[i].part === "adjoint" ? passed : computed).add(steps[i].node);
  const waiting = new Set(steps.filter(s => s.part !== "adjoint").map(s => s.node));
  const known = n => { const i = n.copy; return !waiting.has(i) || computed.has(i); };
  // An adjoint is complete when all users have passed on their part; that of a result is given.
  const open = new Map();
  for (const e of view.edges) if (e.kind === "reverse" && !passed.has(e.from)) open.set(e.to, true);
  const back = passed.size > 0;
  for (const n of view.nodes) {
    n.unknown = n.change === 3 || !known(n);
    n.dim = n.unknown;
    n.unpassed = !back || open.has(n.index);
  }
  for (const e of view.edges) e.dim = e.kind === "reverse" ? !passed.has(e.from) : view.nodes[e.from].unknown || view.nodes[e.to].unknown;
  if (k > 0) {
    const {node, part} = steps[k - 1], n = view.nodes[node], name = {forward: "forward", backward: "backward", adjoint: "backward"}[part];
    marked.current = n.inside || n;
    stepText.textContent = `${name} ${k} of ${steps.length}`;
    describe(n, sentence(n, part));
    if (timer || view.large) follow(marked.current);
  } else {
    stepText.textContent = `inputs, 0 of ${steps.length}`;
    details.hidden = true;
  }
  show();
}

// sentence says what the step does.
function sentence(n, part) {
  if (part === "adjoint") {
    const to = view.edges.filter(e => e.kind === "reverse" && e.from === n.index)
      .map(e => nameOf(view.nodes[e.to], false) + (e.label ? ` times ${e.label}` : ""));
    return "passes its adjoint on to " + to.join(", ");
  }
  const from = n.into.map(e => nameOf(view.nodes[e.from], true));
  return from.length ? "computed from " + from.join(", ") : "computed";
}

// nameOf returns how a label calls a node, with its value or without.
function nameOf(n, value) {
  const lines = n.label.split(" · ");
  if (n.class === "constant" || !lines[1]) return lines[0];
  if (n.class.startsWith("operator")) return value ? lines[1] : lines[1].split(" = ")[0];
  return value && n.details.includes("\nvalue: ") ? lines[0] + " = " + lines[1] : lines[0];
}

function follow(item) {
  const x = (item.cx - camera.x) * camera.s, y = (item.cy - camera.y) * camera.s;
  if (x < 60 || y < 60 || x > size.w - 60 || y > size.h - 60) centre(item.cx, item.cy);
}

function stop() {
  clearInterval(timer);
  timer = 0;
  playButton.textContent = "▶";
  playButton.setAttribute("aria-label", "Play the execution");
}

function play() {
  if (timer) { stop(); return; }
  clear();
  if (now >= view.steps.length) step(0);
  playButton.textContent = "⏸";
  playButton.setAttribute("aria-label", "Pause");
  timer = setInterval(() => { step(now + 1); if (now >= view.steps.length) stop(); }, Math.max(60, Math.min(900, 20000 / view.steps.length)));
}

function walk(by) { stop(); if (selected) clear(); step(now + by); }

slider.addEventListener("input", () => { stop(); if (selected) clear(); step(+slider.value); });
playButton.addEventListener("click", play);
$("step-back").addEventListener("click", () => walk(-1));
$("step-on").addEventListener("click", () => walk(1));
