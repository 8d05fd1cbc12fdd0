"""log_density: layouts, constraints, data."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.distributions import constraints

from drey_export import ExportError, log_density
from test_model import contents, site


def test_layout(tmp_path):
    def f(params, data):
        return -jnp.sum((params["x"] - data["m"]) ** 2) + jnp.log(params["s"]) - params["s"] + jnp.sum(params["p"])

    layout = {"x": (2, 3), "s": ((), "positive"), "p": (4, "simplex"), "u": ((), (0, 2)), "v": ((2,), constraints.ordered_vector)}
    log_density(f, layout, {"m": np.ones((2, 3))}, tmp_path / "m.drey", deterministic=lambda p, d: {"total": p["x"].sum()})
    manifest, _ = contents(tmp_path / "m.drey")
    assert manifest["model"] == "f" and manifest["dimension"] == 6 + 1 + 3 + 1 + 2
    assert [(s["name"], s["shape"], s.get("offset"), s.get("constraint")) for s in manifest["sites"]] == [
        ("x", [2, 3], 0, "real"),
        ("s", [], 6, "positive"),
        ("p", [4], 7, "a simplex"),
        ("u", [], 10, "in [0, 2]"),
        ("v", [2], 11, "an increasing vector"),
        ("total", [], None, None),
    ]
    assert site(manifest, "total")["kind"] == "deterministic"
    assert "site_log_density" not in manifest["programs"]


@pytest.mark.parametrize(
    "layout, f, message",
    [
        ({"x": ((), "positiv")}, lambda p: p["x"], "constraint 'positiv'"),
        ({"x": ((), (1, 2, 3))}, lambda p: p["x"], r"want a pair \(low, high\)"),
        ({"x": ((), "simplex")}, lambda p: p["x"], "does not go with its constraint"),
        ({"x": ((), constraints.positive_integer)}, lambda p: p["x"], "no bijector"),
        ({"x": (3, "real")}, lambda p: p["x"], "sum it"),
        ({}, lambda p: 0.0, "no latent sites"),
    ],
)
def test_refused(tmp_path, layout, f, message):
    with pytest.raises(ExportError, match=message):
        log_density(f, layout, path=tmp_path / "m.drey", name="m")
