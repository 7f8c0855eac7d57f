"""One Python peer as a subprocess of the comparison: requests and answers as JSON, one a line.

    python serve.py --peer jax

The protocol is described in ../protocol/protocol.go. Peers: torch, torch.compile, jax, casadi,
casadi.cse, numpy, scipy, diffrax.
"""
import argparse
import json
import os
import sys
import time
import traceback

import registry


def measure(item, seconds):
    """Seconds per evaluation, one for each batch of 2 ms or more: as protocol.Time does."""
    limit = 5 * max(seconds, 0.1)
    start = time.perf_counter()
    item.run(1)
    spent = time.perf_counter() - start
    if spent > limit:
        return [spent]
    n = 1
    while True:
        start = time.perf_counter()
        item.run(n)
        spent = time.perf_counter() - start
        if spent >= 2e-3:
            break
        n = max(n + 1, int(min(100, 2.4e-3 / max(spent, 1e-9)) * n))
    times = []
    begin = last = time.perf_counter()
    while True:
        spent = last - begin
        if spent >= seconds and len(times) >= 5 or spent >= limit and times:
            return times
        item.run(n)
        now = time.perf_counter()
        times.append((now - last) / n)
        last = now


def answer(request, peer, items):
    cmd, key = request["cmd"], (request.get("work"), request.get("dtype"))
    if cmd == "hello":
        version = registry.version(peer)
        rows = [dict(work=w, dtype=d) for w, d in registry.rows(peer)]
        return dict(peer=peer, version=version, rows=rows)
    if cmd == "prepare":
        items[key] = registry.prepare(peer, *key)
        return dict(check=items[key].check, info=items[key].info)
    if cmd == "run":
        if key not in items:
            return dict(error="%s in %s is not prepared" % key)
        registry.select_dtype(peer, key[1])
        return dict(times=measure(items[key], request.get("seconds", 0)))
    if cmd == "drop":
        items.pop(key, None)
        return {}
    return dict(error="unknown command %r" % cmd)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True)
    peer = parser.parse_args().peer

    # Libraries write to the standard output; the answers keep it to themselves.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    items = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), peer, items)
        except Exception as e:  # a peer that cannot do the work is an answer too
            traceback.print_exc()
            reply = dict(error="%s: %s" % (type(e).__name__, (str(e).splitlines() or [""])[0][:300]))
        out.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
