"""Compiles StableHLO programs with XLA for the CPU and runs them: the peer that xla_test.go compares with.

Reads JSON from standard input, one case a line: {"text": module, "args": [{"dtype", "shape", "hex"}]}, elements little-endian
in row-major order. Writes {"ready": version}, then one line per case: {"results": [hex, ...]} or {"error": text}.
"""

import json
import os
import sys

os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax._src.interpreters import mlir  # noqa: E402
from jaxlib import _jax as xla  # noqa: E402
from jaxlib.mlir import ir  # noqa: E402

jax.config.update("jax_enable_x64", True)
DEVICE = jax.devices("cpu")[0]


def compiled(text):
    with mlir.make_ir_context():
        module = ir.Module.parse(text)
        module.operation.verify()
        options = xla.CompileOptions()
        return DEVICE.client.compile_and_load(str(module), xla.DeviceList((DEVICE,)), options)


def run(case):
    program = compiled(case["text"])
    args = []
    for a in case["args"]:
        x = np.frombuffer(bytes.fromhex(a["hex"]), dtype=a["dtype"]).reshape(a["shape"])
        args.append(jax.device_put(x, DEVICE))
    out = program.execute_sharded(args).disassemble_into_single_device_arrays()
    return [np.ascontiguousarray(np.asarray(x[0])).tobytes().hex() for x in out]


print(json.dumps({"ready": jax.__version__}), flush=True)
for line in sys.stdin:
    try:
        answer = {"results": run(json.loads(line))}
    except Exception as e:  # the test reports it beside the program
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
