"""The program file: a zip archive of a manifest, programs as StableHLO text, and arrays."""

import hashlib
import io
import json
import os
import re
import zipfile

import jax
import numpy as np
import numpyro

import drey_export
from drey_export.errors import ExportError
from drey_export.lowering import dtype_name

FORMAT = "drey program"
VERSION = 1

# Entries have one date, so that equal models give equal files.
_DATE = (1980, 1, 1, 0, 0, 0)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name):
    """Refuses the name of a model that could not be part of a directory's name."""
    if not _NAME.fullmatch(name):
        raise ExportError(f"the name {name!r}: want letters, digits, '.', '_' and '-', at most 64; give one with name=")


def check_precision(precision):
    """The float type of a model, as NumPy has it."""
    if precision not in ("f64", "f32"):
        raise ExportError(f"precision {precision!r}: want 'f64' or 'f32'")
    x64 = jax.config.jax_enable_x64
    if precision == "f64" and not x64:
        raise ExportError(
            "JAX computes in 32 bits: call jax.config.update('jax_enable_x64', True), or numpyro.enable_x64(), before anything else, "
            "or export in single precision with precision='f32'"
        )
    if precision == "f32" and x64:
        raise ExportError("JAX's 64-bit numbers are on, so that the model's would be too: turn jax_enable_x64 off for precision='f32'")
    return np.dtype("float64" if precision == "f64" else "float32")


def write(path, manifest, programs, data, given):
    """Writes a program file. programs maps names to (text, names of results), data names to arrays; given are the names of
    those that programs take as they come.

    The file appears whole or not at all.
    """
    entries = {}

    def add(name, content):
        entries[name] = content
        return {"file": name, "sha256": hashlib.sha256(content).hexdigest()}

    manifest = {
        "format": FORMAT,
        "version": VERSION,
        **manifest,
        "producer": {"drey_export": drey_export.__version__, "jax": jax.__version__, "numpyro": numpyro.__version__},
        "columns": [
            {"name": name, "dtype": dtype_name(x.dtype), "shape": list(x.shape), "given": name in given, **add(f"data/{i}.npy", _npy(x))}
            for i, (name, x) in enumerate(data.items())
        ],
        "programs": {
            name: {**add(f"{name}.mlir", text.encode()), "outputs": outputs} for name, (text, outputs) in programs.items()
        },
    }
    text = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    partial = f"{path}.tmp"
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in [("manifest.json", text), *entries.items()]:
                info = zipfile.ZipInfo(name, _DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, content)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def _npy(x):
    out = io.BytesIO()
    np.save(out, np.array(x, order="C", dtype=x.dtype.newbyteorder("<"), ndmin=x.ndim), allow_pickle=False)
    return out.getvalue()
