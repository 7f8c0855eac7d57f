// The page: what is typed and dragged goes to the compiler, what it answers is shown, and both stand in the page's address.
import {Engine} from "./engine.js";
import {show} from "./walk.js";

const $ = id => document.getElementById(id);

const examples = [
  ["Two inputs", "z = x1^2 + x1*x2 + x2^2"],
  ["A value used twice", "u = x1*x2; z = sin(u) + u^2"],
  ["Chain of functions", "z = exp(sin(x^2))"],
  ["A neuron", "z = tanh(w1*x1 + w2*x2 + b)"],
  ["Rosenbrock’s valley", "f = (1 - x)^2 + 100*(y - x^2)^2"],
  ["Normal density", "p = exp(-((x - mu)/sigma)^2/2) / (sigma*sqrt(2*pi))"],
  ["Which branch?", "z = where(x > y, x*y, exp(x - y))"],
  ["A layer of tensors (.cg)", `adjoint graph 1
%0 "x" = input : f64[2,3]
%1 "W" = input : f64[3,2]
%2 "b" = input : f64[2]
%3 = matmul %0, %1 {transpose_a=false, transpose_b=false} : f64[2,2]
%4 = add %3, %2 : f64[2,2]
%5 "h" = tanh %4 : f64[2,2]
%6 "y" = reduce_sum %5 {axes=[0 1], keepdims=false} : f64
output %6`],
];

// state is all that the page's address says.
const state = {source: examples[0][1], at: {}, view: "overlay", pass: 0, step: null}; // step null: all of them
const narrow = matchMedia("(max-width: 620px)");
let answer = null, playing = 0, saving = 0, telling = 0;

const engine = new Engine({
  answered: receive,
  failed: text => complain(`${text}\nReload the page to try again.`),
  busy: on => {
    $("drawing").setAttribute("aria-busy", on);
    $("stop")?.remove();
    if (!on) return;
    const stop = element("button", {id: "stop", type: "button", textContent: "Still computing. Stop"});
    stop.addEventListener("click", () => { engine.stop(); complain("stopped: change the formula or the inputs to go on"); });
    $("walk").before(stop);
  },
});

function element(name, properties, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

// ---- The page's address.

function load() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has("f")) state.source = given.get("f");
  state.view = ["overlay", "split", "passes"].includes(given.get("view")) ? given.get("view") : "overlay";
  state.pass = Number.parseInt(given.get("pass")) || 0;
  state.step = given.has("step") ? Number.parseInt(given.get("step")) || 0 : null;
  state.at = {};
  for (const [key, value] of given) if (key.startsWith("at.")) state.at[key.slice(3)] = value;
  $("source").value = state.source;
  document.querySelector(`[name=view][value=${state.view}]`).checked = true;
  const k = examples.findIndex(example => example[1] === state.source);
  $("examples").value = k < 0 ? "" : k;
}

function address() {
  const q = new URLSearchParams({f: state.source});
  const names = answer?.inputs?.map(input => input.name) ?? Object.keys(state.at); // not those of other formulas
  for (const name of names) if (name in state.at) q.set(`at.${name}`, state.at[name]);
  if (state.view !== "overlay") q.set("view", state.view);
  if (state.view === "passes" && state.pass) q.set("pass", state.pass);
  if (state.step !== null) q.set("step", state.step);
  return `#${q}`;
}

function save() {
  clearTimeout(saving);
  saving = setTimeout(() => history.replaceState(null, "", address()), 200); // browsers refuse hundreds at once
}

// ---- From the page to the compiler.

function draw() {
  engine.draw({source: state.source, at: state.at, view: state.view, pass: state.pass, narrow: narrow.matches});
  save();
}

function edit(source) {
  stop();
  state.source = source;
  state.step = null;
  draw();
}

// ---- From the compiler to the page.

function receive(a) {
  if (a.error || !a.svg) {
    complain(a.error ?? "");
    if (a.inputs) fillInputs(a.inputs);
    return;
  }
  answer = a;
  $("error").hidden = true;
  $("source").removeAttribute("aria-invalid");
  $("drawing").classList.remove("stale");
  paint();
  $("note").textContent = a.note ?? "";
  fillInputs(a.inputs ?? []);
  fillPasses(a);
  fillTable(a);
  fillSteps();
  document.documentElement.dataset.drawn = Number(document.documentElement.dataset.drawn ?? 0) + 1;
  clearTimeout(telling);
  telling = setTimeout(() => { $("status").textContent = state.step === null ? plain(a.summary) : ""; }, 800); // when the dragging ends
}

// paint puts the picture into the page, a little larger than it is where there is room.
function paint() {
  $("drawing").innerHTML = answer.svg;
  const svg = $("drawing").querySelector("svg");
  svg.setAttribute("width", svg.viewBox.baseVal.width * (narrow.matches ? 1 : 1.15));
  svg.removeAttribute("height");
  svg.style.minWidth = `${svg.viewBox.baseVal.width * 0.62}px`; // what is smaller cannot be read: it scrolls
}

function plain(html) { return new DOMParser().parseFromString(html ?? "", "text/html").body.textContent; }

function complain(text) {
  // Lines of the source with carets below them keep their columns.
  const blocks = [];
  for (const line of text.split("\n")) {
    const excerpt = line.startsWith("    "), last = blocks.at(-1);
    if (excerpt && last?.className === "excerpt") last.append("\n" + line.slice(4));
    else blocks.push(element("div", {className: excerpt ? "excerpt" : "", textContent: line.trim()}));
  }
  $("error").replaceChildren(...blocks);
  $("error").hidden = !text;
  $("source").setAttribute("aria-invalid", Boolean(text));
  $("drawing").classList.add("stale");
}

// fillInputs keeps the rows of inputs that are there already: one of them may be dragged right now.
function fillInputs(inputs) {
  const box = $("inputs"), shape = inputs.map(i => [i.name, i.type, i.kind].join()).join("\n");
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    box.replaceChildren(...inputs.map(inputRow));
    if (!inputs.length) box.append(element("p", {className: "quiet", textContent: "The formula has no inputs."}));
  }
  inputs.forEach((input, k) => {
    const row = box.children[k], derivative = (answer?.rows ?? []).find(r => r.text.startsWith(`${input.name} = `) || r.text === input.name)?.adjoint;
    for (const field of row.querySelectorAll("input")) {
      if (field.type === "range") reach(field, input.text);
      field.setAttribute("aria-invalid", Boolean(input.error));
      if (field === document.activeElement) continue;
      if (field.type === "checkbox") field.checked = input.text === "true"; else field.value = input.text;
    }
    row.querySelector(".wrong").textContent = input.error ?? "";
    row.querySelector(".derivative").textContent = derivative && state.view === "overlay" ? `adjoint ${derivative}` : "";
  });
}

function inputRow(input, k) {
  const id = `input-${k}`, label = element("label", {htmlFor: id, textContent: input.name.split("/").pop(), title: `${input.name} : ${input.type}`});
  const set = value => { state.at[input.name] = value; draw(); };
  const row = element("div", {className: "input"}, label);
  if (input.kind === "truth") {
    const field = element("input", {id, type: "checkbox"});
    field.addEventListener("change", () => set(String(field.checked)));
    row.append(field);
  } else if (input.kind === "list") {
    const field = element("input", {id, type: "text", spellcheck: false});
    field.addEventListener("input", () => set(field.value));
    row.append(field);
  } else {
    const step = input.kind === "integer" ? 1 : 0.01;
    const slider = element("input", {type: "range", min: -5, max: 5, step}), field = element("input", {id, type: "number", step: "any"});
    slider.setAttribute("aria-label", `${input.name}, slider`);
    slider.addEventListener("input", () => { field.value = slider.value; set(slider.value); });
    field.addEventListener("input", () => { if (field.value !== "") { reach(slider, field.value); slider.value = field.value; set(field.value); } });
    row.append(slider, field);
  }
  row.append(element("span", {className: "derivative"}), element("p", {className: "wrong", id: `${id}-wrong`}));
  for (const field of row.querySelectorAll("input")) field.setAttribute("aria-describedby", `${id}-wrong`);
  return row;
}

// reach widens a slider that does not reach a value.
function reach(slider, text) {
  const x = Math.abs(Number(text)) || 0;
  if (x > slider.max) { slider.max = 10 ** Math.ceil(Math.log10(x)); slider.min = -slider.max; }
}

function fillPasses(a) {
  const on = state.view === "passes" && a.passes?.length > 0;
  $("passes").hidden = !on;
  $("program").hidden = !a.listing;
  $("listing").textContent = a.listing ?? "";
  if (!on) return;
  $("pass").max = a.passes.length - 1;
  state.pass = Math.min(state.pass, a.passes.length - 1);
  $("pass").value = state.pass;
  const {name, text} = a.passes[state.pass];
  $("pass-name").textContent = name;
  $("pass-text").textContent = text;
  $("pass").setAttribute("aria-valuetext", `${state.pass} of ${a.passes.length - 1}: ${name}`);
}

function fillTable(a) {
  $("summary").textContent = plain(a.summary);
  $("rows").replaceChildren(...(a.rows ?? []).map(r =>
    element("tr", {id: `row-${r.id}`}, element("th", {scope: "row", textContent: r.text}), element("td", {textContent: r.adjoint ?? ""}))));
}

// ---- The walk through the evaluation.

function fillSteps() {
  $("step").max = (answer.steps ?? []).length;
  goTo(state.step ?? Infinity);
}

function goTo(k) {
  if (!answer) return;
  const steps = answer.steps ?? [], all = k >= steps.length;
  k = Math.max(0, Math.min(steps.length, k));
  state.step = all ? null : k;
  show($("drawing"), steps, k);
  $("step").value = k;
  $("step-count").textContent = `${k} of ${steps.length}`;
  const step = all || k === 0 ? null : steps[k - 1], line = (...parts) => element("p", {}, ...parts);
  $("step-text").className = step?.part ?? "";
  $("step-text").replaceChildren(...step ? [line(element("b", {textContent: step.part}), step.text), ...(step.flows ?? []).map(flow => line(flow.text))] :
    [line(all ? "All values are known. Press play, or step back, to watch them come." :
      `The inputs are given. Each step computes one value${state.view === "overlay" ? "; then adjoints flow back, and are summed" : ""}.`)]);
  $("step").setAttribute("aria-valuetext", step ? `${k} of ${steps.length}, ${step.part}: ${step.text}` : `${k} of ${steps.length}`);
  for (const row of $("rows").children) row.classList.toggle("current", step !== null && row.id === `row-${step.node}`);
  $("back").disabled = $("first").disabled = k === 0;
  $("forth").disabled = $("last").disabled = k === steps.length;
  save();
}

const here = () => state.step ?? (answer?.steps ?? []).length;

function stop() {
  clearInterval(playing);
  playing = 0;
  $("play").classList.remove("playing");
  $("play").setAttribute("aria-label", "Play");
}

function play() {
  if (playing) { stop(); return; }
  if (state.step === null) goTo(0);
  $("play").classList.add("playing");
  $("play").setAttribute("aria-label", "Pause");
  playing = setInterval(() => { goTo(here() + 1); if (state.step === null) stop(); }, 1100);
}

function walk(k) { stop(); goTo(k); }

// ---- What the reader does.

$("examples").append(element("option", {value: "", textContent: "Examples"}), ...examples.map(([name], k) => element("option", {value: k, textContent: name})));
$("examples").addEventListener("change", event => {
  if (event.target.value === "") return;
  state.at = {};
  $("source").value = examples[event.target.value][1];
  edit($("source").value);
});
$("source").addEventListener("input", event => { $("examples").value = ""; edit(event.target.value); });
$("source").addEventListener("dragover", event => event.preventDefault());
$("source").addEventListener("drop", async event => {
  const file = event.dataTransfer.files[0];
  if (!file) return;
  event.preventDefault();
  event.target.value = await file.text();
  edit(event.target.value);
});
for (const radio of document.querySelectorAll("[name=view]")) radio.addEventListener("change", () => { stop(); state.view = radio.value; state.step = null; draw(); });
$("pass").addEventListener("input", event => { stop(); state.pass = Number(event.target.value); state.step = null; draw(); });
$("step").addEventListener("input", event => walk(Number(event.target.value)));
$("first").addEventListener("click", () => walk(0));
$("back").addEventListener("click", () => walk(here() - 1));
$("forth").addEventListener("click", () => walk(here() + 1));
$("last").addEventListener("click", () => walk(Infinity));
$("play").addEventListener("click", play);
$("drawing").dataset.fit = "";
$("fit").addEventListener("click", event => {
  const on = $("drawing").toggleAttribute("data-fit");
  event.target.setAttribute("aria-pressed", on);
});
$("share").addEventListener("click", async () => {
  history.replaceState(null, "", address());
  let said = "The address bar has the address of what you see";
  try {
    await navigator.clipboard.writeText(location.href);
    said = "Address copied";
  } catch { /* not allowed: the address bar has it */ }
  $("status").textContent = said;
  $("note").textContent = said;
});
$("download").addEventListener("change", async event => {
  const format = event.target.value;
  event.target.value = "";
  if (!format || !answer) return;
  try {
    const types = {svg: "image/svg+xml", png: "image/png", pdf: "application/pdf", tikz: "application/x-tex"};
    const url = URL.createObjectURL(new Blob([await engine.encode(format)], {type: types[format]}));
    element("a", {href: url, download: `graph.${format}`}).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    $("status").textContent = `graph.${format} is downloaded`;
  } catch (error) {
    complain(error.message);
  }
});
narrow.addEventListener("change", draw);
addEventListener("hashchange", () => { stop(); load(); draw(); });

load();
draw();
if ("serviceWorker" in navigator) navigator.serviceWorker.register("offline.js");
