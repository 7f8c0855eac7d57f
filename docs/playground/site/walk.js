// The walk through the evaluation, in the drawing: values appear as they are computed, adjoints as they are summed.

// show lets the drawing show what is known after k steps.
export function show(svg, steps, k) {
  const all = k >= steps.length;
  const computed = new Set(), waiting = new Set(), passed = new Set(), sums = new Map();
  steps.forEach((step, i) => {
    const nodes = [step.node, ...step.outputs ?? []];
    if (step.part !== "reverse") for (const node of nodes) (i < k ? computed : waiting).add(node);
    else if (i < k) {
      passed.add(step.node);
      for (const flow of step.flows ?? []) {
        passed.add(flow.edge);
        sums.set(flow.to, flow.sum);
      }
    }
  });
  const known = node => !waiting.has(node) || computed.has(node);
  const last = !all && k > 0 ? steps[k - 1] : {}, flows = last.flows ?? [];
  const current = new Set([last.node, ...last.outputs ?? [], ...flows.map(flow => flow.edge)]), receives = new Set(flows.map(flow => flow.to));
  for (const group of svg.querySelectorAll(".node, .edge, .label")) {
    const {id} = group, classes = group.classList;
    let unknown = false;
    if (classes.contains("node")) {
      unknown = !known(id.replace(/-ghost$/, ""));
      const reached = all || sums.has(id) || passed.has(id);
      classes.toggle("untouched", !reached && !passed.size); // the reverse sweep begins with zeros
      setSum(group, all ? undefined : reached ? sums.get(id) : "0");
    } else {
      const edge = id.replace(/-label$/, "");
      unknown = edge.endsWith("-adjoint") ? !passed.has(edge) : !known(headOf(edge));
    }
    classes.toggle("unknown", !all && unknown);
    classes.toggle("current", current.has(id));
    classes.toggle("receives", receives.has(id));
  }
}

// headOf returns the id of the node to which an edge leads.
function headOf(edge) {
  const output = edge.match(/^e-(out\d+)/);
  return output ? output[1] : "n" + edge.replace(/^e/, "").replace(/-[^-]*$/, "");
}

// setSum writes what an adjoint is so far in place of what it is at the end, or that again where no sum is given.
function setSum(node, sum) {
  node.querySelectorAll(".adjoint-value").forEach((piece, i) => {
    piece.dataset.whole ??= piece.textContent;
    piece.textContent = sum === undefined ? piece.dataset.whole : i ? "" : ` = ${sum || "…"}`;
  });
}
