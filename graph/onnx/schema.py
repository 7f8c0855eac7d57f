"""Writes schema.txt: the operators that the Python package onnx 1.22.0 knows, with the versions at which their definition changed."""
from onnx import defs

history = {}
for s in defs.get_all_schemas_with_history():
    history.setdefault((s.domain, s.name), []).append(s)
with open("schema.txt", "w") as f:
    for (domain, name), schemas in sorted(history.items()):
        schemas.sort(key=lambda s: s.since_version)
        print(domain or "ai.onnx", name, ",".join(str(s.since_version) for s in schemas), file=f)
