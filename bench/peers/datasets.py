"""The data of the benchmark's models: the same figures for every tool."""

import json

import numpy as np

import recipe

MODELS = ("eight-schools", "radon", "gp", "logistic-regression")


def load(model, rows=recipe.LOGISTIC_ROWS):
    """A dict of the model's data by name: NumPy arrays, float64 or int64. rows are those of logistic-regression."""
    if model == "logistic-regression":
        X, y, _ = recipe.logistic_regression(rows)
        return {"X": X, "y": y}
    file = {"eight-schools": "eight_schools.json", "radon": "radon.json", "gp": "gp.json"}[model]
    columns = json.loads((recipe.DATA / file).read_text())
    as_float = {k: np.asarray(v, dtype=np.float64) for k, v in columns.items() if k in ("x", "y", "sigma", "floor")}
    as_int = {k: np.asarray(v, dtype=np.int64) for k, v in columns.items() if k in ("county", "J")}
    return as_float | as_int
