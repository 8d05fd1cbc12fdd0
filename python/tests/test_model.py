"""numpyro_model: what is in the file, and what is refused."""

import io
import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

from drey_export import ExportError, numpyro_model


def contents(path):
    with zipfile.ZipFile(path) as z:
        entries = {name: z.read(name) for name in z.namelist()}
    return json.loads(entries.pop("manifest.json")), entries


def array(entries, column):
    return np.load(io.BytesIO(entries[column["file"]]))


def site(manifest, name):
    return next(s for s in manifest["sites"] if s["name"] == name)


def schools(J, sigma, y=None):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("school", J):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.deterministic("shrunk", theta / 2)
        numpyro.sample("obs", dist.Normal(theta, sigma), obs=y)


SIGMA, Y = np.array([1.0, 2, 3]), np.array([0.5, 1, -1])


def test_sites_and_data(tmp_path):
    path = tmp_path / "m.drey"
    numpyro_model(schools, (3, SIGMA), {"y": Y}, path, coords={"school": ["a", "b", "c"]})
    manifest, entries = contents(path)
    assert (manifest["format"], manifest["version"], manifest["model"], manifest["float"]) == ("drey program", 1, "schools", "f64")
    assert manifest["dimension"] == 5
    assert [(s["name"], s["kind"], s["dims"]) for s in manifest["sites"]] == [
        ("mu", "latent", []),
        ("tau", "latent", []),
        ("theta", "latent", ["school"]),
        ("shrunk", "deterministic", ["school"]),
        ("obs", "observed", ["school"]),
    ]
    assert manifest["coords"] == {"school": ["a", "b", "c"]}
    theta = site(manifest, "theta")
    assert (theta["offset"], theta["unconstrained_shape"], theta["distribution"]) == (2, [3], "Normal")
    assert site(manifest, "tau")["constraint"] == "positive"
    assert [c["name"] for c in manifest["columns"]] == ["sigma", "y"]
    np.testing.assert_array_equal(array(entries, manifest["columns"][1]), Y)
    assert manifest["programs"]["constrain"]["outputs"] == ["mu", "tau", "theta", "shrunk"]
    text = entries["log_density.mlir"].decode()
    assert "tensor<5xf64>, %arg1: tensor<3xf64>, %arg2: tensor<3xf64>) -> (tensor<f64>" in text
    assert str(tmp_path) not in text and __file__ not in text


def test_equal_models_give_equal_files(tmp_path):
    for name in ("a", "b"):
        numpyro_model(schools, (3, SIGMA), {"y": Y}, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_arrays_that_a_model_closes_over_are_data(tmp_path):
    X = np.arange(60.0).reshape(30, 2)

    def model():
        beta = numpyro.sample("beta", dist.Normal(0, 1).expand([2]).to_event(1))
        numpyro.sample("y", dist.Normal(X @ beta, 1), obs=X[:, 0])

    numpyro_model(model, path=tmp_path / "m.drey")
    manifest, entries = contents(tmp_path / "m.drey")
    assert [(c["name"], c["shape"]) for c in manifest["columns"]] == [("constant_0", [30, 2]), ("constant_1", [30])]
    np.testing.assert_array_equal(array(entries, manifest["columns"][0]), X)
    assert len(entries["log_density.mlir"]) < 20_000


def test_arguments_that_a_model_computes_with_in_numpy(tmp_path):
    group = np.arange(40) % 4
    x = np.linspace(0, 1, 40)

    def model(group, x):
        a = numpyro.sample("a", dist.Normal(0, 1).expand([len(np.unique(group))]))
        numpyro.sample("y", dist.Normal(a[group], 1), obs=x)

    numpyro_model(model, (group, x), {}, tmp_path / "m.drey")
    manifest, entries = contents(tmp_path / "m.drey")
    assert manifest["dimension"] == 4
    assert [c["name"] for c in manifest["columns"]] == ["x", "group"]
    np.testing.assert_array_equal(array(entries, manifest["columns"][1]), group)


def test_dims_of_event_and_batch(tmp_path):
    def model():
        with numpyro.plate("outer", 2, dim=-2), numpyro.plate("inner", 3, dim=-1):
            numpyro.sample("v", dist.Normal(0, 1).expand([4]).to_event(1))
        numpyro.sample("w", dist.Dirichlet(jnp.ones(3)))

    numpyro_model(model, path=tmp_path / "m.drey", dims={"w": ["part"]}, coords={"part": [1, 2, 3]})
    manifest, _ = contents(tmp_path / "m.drey")
    assert site(manifest, "v")["dims"] == ["outer", "inner", "v_dim_2"]
    assert site(manifest, "w")["dims"] == ["part"]
    assert site(manifest, "w")["unconstrained_shape"] == [2]
    assert site(manifest, "w")["constraint"] == "a simplex"
    assert manifest["coords"] == {"part": ["1", "2", "3"]}


def discrete():
    k = numpyro.sample("k", dist.Poisson(2.0))  # has no finite support
    numpyro.sample("y", dist.Normal(k, 1), obs=0.5)


def subsampled():
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    with numpyro.plate("rows", 10, subsample_size=5):
        numpyro.sample("y", dist.Normal(mu, 1), obs=jnp.ones(5))


def eigenvalues():
    x = numpyro.sample("x", dist.Normal(0, 1).expand([2]).to_event(1))
    numpyro.factor("f", jnp.linalg.eigvalsh(jnp.outer(x, x) + jnp.eye(2)).sum())


def outside():
    rate = numpyro.sample("rate", dist.HalfNormal(1))
    numpyro.sample("y", dist.Exponential(rate), obs=jnp.array([1.0, -2.0]))


@pytest.mark.parametrize(
    "model, options, message",
    [
        (discrete, {}, "'k' is discrete.*sum it out"),
        (subsampled, {}, "'rows' uses 5 of its 10 elements.*without subsample_size"),
        (eigenvalues, {}, "calls eigh"),
        (outside, {}, "data of 'y' are outside the support"),
        (lambda: numpyro.sample("x", dist.Normal(0, 1)), {}, "give one with name="),
        (lambda: None, {"name": "empty"}, "no latent sites"),
        (discrete, {"precision": "f16"}, "want 'f64' or 'f32'"),
        (discrete, {"precision": "f32"}, "turn jax_enable_x64 off"),
        (schools, {"args": (3, SIGMA), "dims": {"th": ["a"]}}, "dims names 'th'"),
        (schools, {"args": (3, SIGMA), "coords": {"school": [1]}}, "1 labels for 'school'"),
        (schools, {"args": (3, np.ones(2))}, "does not run"),
    ],
)
def test_refused(tmp_path, model, options, message):
    with pytest.raises(ExportError, match=message):
        numpyro_model(model, path=tmp_path / "m.drey", **options)
    assert list(tmp_path.iterdir()) == []


def test_f64_needs_x64(tmp_path):
    with jax.enable_x64(False), pytest.raises(ExportError, match="jax_enable_x64"):
        numpyro_model(schools, (3, SIGMA), {"y": Y}, tmp_path / "m.drey")


def test_single_precision(tmp_path):
    with jax.enable_x64(False):
        numpyro_model(schools, (3, SIGMA), {"y": Y}, tmp_path / "m.drey", precision="f32")
    manifest, entries = contents(tmp_path / "m.drey")
    assert {s["dtype"] for s in manifest["sites"]} == {"f32"} and manifest["float"] == "f32"
    assert b"f64" not in entries["log_density.mlir"]
    assert array(entries, manifest["columns"][0]).dtype == np.float32


def test_loops_of_unknown_length_need_forward_mode(tmp_path):
    def model():
        x = numpyro.sample("x", dist.Normal(0, 1))
        y = jax.lax.while_loop(lambda y: jnp.abs(y) > 1e-3, lambda y: y / 2, x)
        numpyro.factor("f", y)

    with pytest.raises(ExportError, match="forward_mode_differentiation=True"):
        numpyro_model(model, path=tmp_path / "m.drey")
    numpyro_model(model, path=tmp_path / "m.drey", forward_mode_differentiation=True)


def test_latent_sites_of_a_scan(tmp_path):
    def model(y):
        scale = numpyro.sample("scale", dist.HalfNormal(1))

        def step(previous, y):
            x = numpyro.sample("x", dist.Normal(previous, scale))
            numpyro.sample("y", dist.Normal(x, 1), obs=y)
            return x, None

        scan(step, 0.0, y)

    numpyro_model(model, (np.linspace(0, 1, 20),), {}, tmp_path / "m.drey")
    manifest, entries = contents(tmp_path / "m.drey")
    assert manifest["dimension"] == 21 and site(manifest, "x")["shape"] == [20]
    assert [c["name"] for c in manifest["columns"]] == ["y"]
    assert b"stablehlo.while" in entries["log_density.mlir"]


def test_sites_without_a_sampler_masks_and_factors(tmp_path):
    def model(y):
        x = numpyro.sample("x", dist.ImproperUniform(dist.constraints.positive, (), (2,)))
        with numpyro.plate("n", 3):
            numpyro.factor("f", -x[0] * jnp.ones(3))
            with numpyro.handlers.mask(mask=jnp.array([True, False, True])):
                numpyro.sample("y", dist.LogNormal(x[1], 1), obs=y)

    numpyro_model(model, (np.array([1.0, -1.0, 2.0]),), {}, tmp_path / "m.drey")
    manifest, _ = contents(tmp_path / "m.drey")
    assert [s["name"] for s in manifest["sites"]] == ["x", "y"]
    assert manifest["programs"]["site_log_density"]["outputs"] == ["x", "f", "y"]
    assert site(manifest, "y")["distribution"] == "LogNormal"
