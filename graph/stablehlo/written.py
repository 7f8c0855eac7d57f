"""Compiles by jaxlib what TestWrittenOperators wrote into a folder, runs it, and compares: python written.py FOLDER."""
import collections
import glob
import json
import os
import re
import sys

import jax
import numpy as np
from jax._src import xla_bridge
from jaxlib import xla_client

jax.config.update("jax_enable_x64", True)
backend = xla_bridge.get_backend()
devices = xla_client.DeviceList(tuple(backend.devices()[:1]))


def array(a):
    kind = np.dtype(a["dtype"])
    data = [int(v) if kind.kind == "i" and re.fullmatch(r"-?\d+", v) else float(v) for v in a["data"]]
    return np.array(data).astype(kind).reshape(a["shape"])


def differs(got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{got.shape}, expected {want.dtype}{want.shape}"
    if want.dtype.kind != "f":
        return "" if (got == want).all() else "other values"
    finite = np.abs(want[np.isfinite(want)])
    bound = (1e-11 if want.dtype == np.float64 else 2e-5) * (1 + (finite.max() if finite.size else 0))
    if np.allclose(got, want, rtol=0, atol=bound, equal_nan=True):
        return ""
    return f"differs by {np.nanmax(np.abs(got - want))}"


files = sorted(glob.glob(os.path.join(sys.argv[1], "*.mlir")))
compiled = equal = 0
reasons = collections.Counter()
for file in files:
    name = os.path.basename(file)[:-5]
    with open(file) as f:
        text = f.read()
    with open(file[:-5] + ".json") as f:
        data = json.load(f)
    header = text[text.index("@main(") : text.index(") -> (")]
    try:
        program = backend.compile_and_load(text.encode(), devices, xla_client.CompileOptions())
        inputs = [jax.device_put(array(data["inputs"][p])) for p in re.findall(r"%([^:]+): ", header)]
        outputs = [np.asarray(x[0]) for x in program.execute_sharded(inputs).disassemble_into_single_device_arrays()]
    except Exception as e:
        print(name, "jaxlib:", str(e).replace("\n", " ")[:200])
        continue
    compiled += 1
    wrong = [f"output {i} {d}" for i, (y, x) in enumerate(zip(outputs, data["outputs"])) if (d := differs(y, array(x)))]
    if wrong or len(outputs) != len(data["outputs"]):
        print(name, wrong[:1])
    else:
        equal += 1
print(f"{len(files)} modules: {compiled} compiled and run by jaxlib, {equal} equal")
