"""The benchmark's models in NumPyro. `build` gives a function without arguments, so that data are closed over."""

import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.handlers import reparam
from numpyro.infer.reparam import LocScaleReparam

# A model's own sites: those that its statement names. What a reparametrisation adds (theta_base) is left out.
SITES = {
    "eight-schools": ("mu", "tau", "theta"),
    "radon": ("mu", "beta", "tau", "sigma", "z"),
    "gp": ("variance", "length", "noise"),
    "logistic-regression": ("beta",),
}


def build(model, data):
    """The model `model` over `data` as datasets.load gives it, in the float type that JAX is set to."""
    data = {name: jnp.asarray(value) for name, value in data.items()}
    return {
        "eight-schools": eight_schools,
        "radon": radon,
        "gp": gaussian_process,
        "logistic-regression": logistic_regression,
    }[model](data)


def eight_schools(data):
    """Rubin (1981), non-centred by LocScaleReparam: D = 10."""

    def centred():
        mu = numpyro.sample("mu", dist.Normal(0, 5))
        tau = numpyro.sample("tau", dist.HalfCauchy(5))
        with numpyro.plate("school", 8):
            theta = numpyro.sample("theta", dist.Normal(mu, tau))
            numpyro.sample("obs", dist.Normal(theta, data["sigma"]), obs=data["y"])

    return reparam(centred, config={"theta": LocScaleReparam(centered=0)})


def radon(data):
    """Varying intercepts by county, non-centred: D = 89."""

    def model():
        mu = numpyro.sample("mu", dist.Normal(0, 10))
        beta = numpyro.sample("beta", dist.Normal(0, 10))
        tau = numpyro.sample("tau", dist.HalfNormal(1))
        sigma = numpyro.sample("sigma", dist.HalfNormal(1))
        with numpyro.plate("county", int(data["J"])):
            z = numpyro.sample("z", dist.Normal(0, 1))
        mean = mu + tau * z[data["county"]] + beta * data["floor"]
        numpyro.sample("obs", dist.Normal(mean, sigma), obs=data["y"])

    return model


def gaussian_process(data):
    """Squared exponential covariance over 100 points: D = 3."""
    squared = (data["x"][:, None] - data["x"][None, :]) ** 2

    def model():
        variance = numpyro.sample("variance", dist.LogNormal(0, 1))
        length = numpyro.sample("length", dist.LogNormal(0, 1))
        noise = numpyro.sample("noise", dist.LogNormal(0, 1))
        covariance = variance * jnp.exp(-0.5 * squared / length**2) + (noise + 1e-6) * jnp.eye(squared.shape[0])
        numpyro.sample("obs", dist.MultivariateNormal(0, covariance_matrix=covariance), obs=data["y"])

    return model


def logistic_regression(data):
    """20,000 rows, 54 columns of which the first is the constant: D = 54."""

    def model():
        beta = numpyro.sample("beta", dist.Normal(0, 1).expand([data["X"].shape[1]]).to_event(1))
        numpyro.sample("obs", dist.Bernoulli(logits=data["X"] @ beta), obs=data["y"])

    return model
