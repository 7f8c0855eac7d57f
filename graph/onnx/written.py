"""Runs in onnxruntime what TestWrittenOperators wrote into a folder, and compares: python written.py FOLDER."""
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

folder = sys.argv[1]
onnxruntime.set_default_logger_severity(4)
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


def load(name, test):
    return numpy_helper.to_array(onnx.load_tensor(os.path.join(folder, test, "test_data_set_0", name)))


def differs(got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{got.shape}, expected {want.dtype}{want.shape}"
    if want.dtype.kind != "f":
        return "" if (got == want).all() else "other values"
    finite = np.abs(want[np.isfinite(want)])
    bound = 2e-5 * (1 + (finite.max() if finite.size else 0))  # as the test's for float32: onnxruntime computes some of float64 with less
    if np.allclose(got, want, rtol=0, atol=bound, equal_nan=True):
        return ""
    return f"differs by {np.nanmax(np.abs(got - want))}"


equal, run, checked = 0, 0, 0
tests = sorted(os.listdir(folder))
for test in tests:
    model = os.path.join(folder, test, "model.onnx")
    try:
        onnx.checker.check_model(model, full_check=True)
        checked += 1
    except Exception as e:
        print(test, "checker:", e)
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        outputs = session.run(None, {x.name: load(f"input_{i}.pb", test) for i, x in enumerate(session.get_inputs())})
    except Exception as e:
        print(test, "onnxruntime:", str(e)[:150])
        continue
    run += 1
    wrong = [d for i, y in enumerate(outputs) if (d := differs(y, load(f"output_{i}.pb", test)))]
    if wrong:
        print(test, wrong[0])
    else:
        equal += 1
print(f"{len(tests)} models: {checked} accepted by the checker, {run} run by onnxruntime, {equal} equal")
