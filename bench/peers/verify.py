"""math-verify as a judge: reads a line of JSON, {"pairs": [[gold, answer], ...]}, answers one, {"right": [bool, ...], "ms": of all pairs together}."""
import importlib.metadata
import json
import logging
import sys
import time

from math_verify import parse, verify

logging.disable(logging.CRITICAL)


def judged(gold, answer):
    try:
        return bool(verify(parse(f"\\boxed{{{gold}}}"), parse(f"\\boxed{{{answer}}}")))
    except Exception:
        return False


for line in sys.stdin:
    request = json.loads(line)
    began = time.perf_counter()
    right = [judged(gold, answer) for gold, answer in request["pairs"]]
    print(json.dumps({"right": right, "ms": 1000 * (time.perf_counter() - began), "version": importlib.metadata.version("math-verify")}), flush=True)
