"""The programs that draw, and what of a file's data others may replace."""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

from drey_export import ExportError, numpyro_model
from test_model import SIGMA, Y, contents, schools, site


def programs(tmp_path, model, *args, **kwargs):
    numpyro_model(model, args, kwargs, tmp_path / "m.drey", name="m")
    manifest, entries = contents(tmp_path / "m.drey")
    return manifest, {name: p["outputs"] for name, p in manifest["programs"].items()}, entries


def test_observed_and_deterministic_sites_are_drawn(tmp_path):
    manifest, outputs, entries = programs(tmp_path, schools, 3, SIGMA, y=Y)
    assert outputs["predictive"] == ["shrunk", "obs"]
    assert outputs["prior"] == ["mu", "tau", "theta", "shrunk", "obs"]
    assert manifest["unavailable"] == {}
    text = entries["predictive.mlir"].decode()
    assert "%arg0: tensor<5xf64>, %arg1: tensor<2xui32>, %arg2: tensor<ui32>, %arg3: tensor<ui32>, %arg4: tensor<3xf64>" in text
    assert "tensor<2xui32>, %arg1: tensor<ui32>, %arg2: tensor<ui32>, %arg3: tensor<3xf64>" in entries["prior.mlir"].decode()


def test_one_distribution_of_many_observations(tmp_path):
    def model(y):
        mu = numpyro.sample("mu", dist.Normal(0, 1).expand([2]).to_event(1))
        numpyro.sample("y", dist.MultivariateNormal(mu, jnp.eye(2)), obs=y)

    _, outputs, entries = programs(tmp_path, model, np.zeros((7, 2)))
    assert outputs["predictive"] == ["y"]
    assert "-> (tensor<7x2xf64>" in entries["predictive.mlir"].decode()


def test_observations_in_a_scan(tmp_path):
    def model(y):
        def step(level, y):
            level = numpyro.sample("level", dist.Normal(level, 1))
            numpyro.sample("y", dist.Normal(level, 1), obs=y)
            return level, None

        scan(step, 0.0, y)

    manifest, outputs, entries = programs(tmp_path, model, np.ones(6))
    assert outputs["predictive"] == ["y"] and site(manifest, "y")["kind"] == "observed"
    assert "chlo.erf_inv" in entries["predictive.mlir"].decode()


def test_what_has_no_sampler_is_said(tmp_path):
    def model(y):
        x = numpyro.sample("x", dist.ImproperUniform(dist.constraints.real, (), ()))
        numpyro.sample("y", dist.Normal(x, 1), obs=y)

    manifest, outputs, _ = programs(tmp_path, model, np.ones(3))
    assert "predictive" in outputs and "prior" not in outputs
    assert "can't be drawn from" in manifest["unavailable"]["prior"]


def test_given_columns_and_what_checks_them(tmp_path):
    group = np.arange(40) % 4

    def model(group, y, count, low):
        a = numpyro.sample("a", dist.Normal(0, 1).expand([len(np.unique(group))]))
        scale = numpyro.sample("scale", dist.HalfNormal(1))
        numpyro.sample("y", dist.LogNormal(a[group], 1), obs=y)
        numpyro.sample("count", dist.Poisson(jnp.exp(a[group])), obs=count)
        numpyro.sample("low", dist.Uniform(0, scale), obs=low)

    manifest, outputs, _ = programs(tmp_path, model, group, np.ones(40), np.arange(40), np.full(40, 0.01))
    assert {c["name"]: c["given"] for c in manifest["columns"]} == {"y": True, "low": True, "group": False, "count": False}
    assert outputs["data_check"] == ["y", "value:y", "count", "value:count"]


def test_positive_definite_sites_need_no_eigenvalues(tmp_path):
    def model(y):
        correlation = numpyro.sample("correlation", dist.LKJ(2, 2.0))
        numpyro.sample("y", dist.MultivariateNormal(jnp.zeros(2), covariance_matrix=correlation), obs=y)

    _, outputs, entries = programs(tmp_path, model, np.zeros((3, 2)))
    assert "log_density" in outputs and b"custom_call" not in entries["log_density.mlir"]


def test_solving_equations(tmp_path):
    def model(y):
        a = numpyro.sample("a", dist.Normal(0, 0.1).expand([3, 3]).to_event(2))
        numpyro.sample("y", dist.Normal(jnp.linalg.solve(jnp.eye(3) + a, y), 1), obs=y)
        numpyro.factor("f", jnp.linalg.slogdet(jnp.eye(3) + a)[1])

    _, _, entries = programs(tmp_path, model, np.ones(3))
    assert b"custom_call" not in entries["log_density.mlir"]


def labelled(x):
    p = numpyro.sample("p", dist.Beta(1, 1))
    z = numpyro.sample("z", dist.Bernoulli(p).expand([x.shape[0]]), infer={"enumerate": "parallel"})
    numpyro.sample("x", dist.Normal(z, 1), obs=x)


def test_discrete_sites_are_enumerated(tmp_path):
    pytest.importorskip("funsor")

    def model(x):
        p = numpyro.sample("p", dist.Beta(1, 1))
        with numpyro.plate("row", x.shape[0]):
            z = numpyro.sample("z", dist.Bernoulli(p))
            numpyro.deterministic("of", 2 * z)
            numpyro.sample("x", dist.Normal(z, 1), obs=x)
        numpyro.deterministic("odds", p / (1 - p))

    manifest, outputs, _ = programs(tmp_path, model, np.ones(4))
    assert [(s["name"], s["kind"]) for s in manifest["sites"]] == [("p", "latent"), ("x", "observed"), ("odds", "deterministic")]
    assert "site_log_density" not in outputs and outputs["predictive"] == ["x", "odds"]


def test_discrete_sites_without_funsor(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "numpyro.contrib.funsor", None)
    with pytest.raises(ExportError, match="'z' is discrete.*install funsor.*sum it out"):
        numpyro_model(labelled, (np.ones(4),), {}, tmp_path / "m.drey")


def test_starts_without_legal_parameters_are_passed_over(tmp_path):
    def model():
        x = numpyro.sample("x", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(jnp.log(x), 1), obs=0.5)  # half of all starts are not in the domain

    numpyro_model(model, path=tmp_path / "m.drey")
