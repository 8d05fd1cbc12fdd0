"""python -m drey_export MODULE:FUNCTION --data data.json -o model.drey"""

import argparse
import importlib
import json
import os
import sys

import jax
import numpy as np

from drey_export import ExportError, numpyro_model


def main(argv=None):
    """Exports the NumPyro model that the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(prog="drey-export", description="Writes a NumPyro model as a program file that drey samples.")
    parser.add_argument("model", help="module:function, the module importable from here")
    parser.add_argument("--data", help="JSON file: the model's keyword arguments; lists become arrays, numbers stay numbers")
    parser.add_argument("-o", "--output", default="model.drey", help="program file (default: %(default)s)")
    parser.add_argument("--name", help="of the model (default: the function's)")
    parser.add_argument("--precision", choices=["f64", "f32"], default="f64", help="of the model's numbers (default: %(default)s)")
    options = parser.parse_args(argv)
    jax.config.update("jax_enable_x64", options.precision == "f64")
    try:
        kwargs = _read(options.data) if options.data else {}
        model = _find(options.model)
        numpyro_model(model, (), kwargs, options.output, name=options.name, precision=options.precision)
    except ExportError as e:
        print(f"drey-export: {e}", file=sys.stderr)
        return 2
    print(f"{options.output}: drey run {options.output} samples it")
    return 0


def _read(path):
    try:
        with open(path, encoding="utf-8") as f:
            values = json.load(f)
    except (OSError, ValueError) as e:
        raise ExportError(f"--data {path}: {e}") from e
    if not isinstance(values, dict):
        raise ExportError(f"--data {path}: want an object of the model's arguments")
    try:
        return {k: np.array(v) if isinstance(v, list) else v for k, v in values.items()}
    except ValueError as e:
        raise ExportError(f"--data {path}: an array is not rectangular: {e}") from e


def _find(place):
    module, _, name = place.partition(":")
    if not module or not name:
        raise ExportError(f"{place!r}: want module:function")
    sys.path.insert(0, os.getcwd())
    try:
        model = getattr(importlib.import_module(module), name, None)
    except ImportError as e:
        raise ExportError(f"{module}: {e}") from e
    if not callable(model):
        raise ExportError(f"{module} has no function {name}")
    return model


if __name__ == "__main__":
    sys.exit(main())
