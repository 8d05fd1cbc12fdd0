"""The benchmark's models in PyMC, which nutpie compiles; their sites are those of models_numpyro.SITES."""

import numpy as np
import pymc as pm

SITES = {
    "eight-schools": ("mu", "tau", "theta"),
    "radon": ("mu", "beta", "tau", "sigma", "z"),
    "gp": ("variance", "length", "noise"),
    "logistic-regression": ("beta",),
}


def build(model, data):
    """The pymc.Model `model` over `data` as datasets.load gives it."""
    with pm.Model() as built:
        {
            "eight-schools": eight_schools,
            "radon": radon,
            "gp": gaussian_process,
            "logistic-regression": logistic_regression,
        }[model](data)
    return built


def eight_schools(data):
    """Rubin (1981), non-centred: D = 10."""
    mu = pm.Normal("mu", 0, 5)
    tau = pm.HalfCauchy("tau", 5)
    theta_base = pm.Normal("theta_base", 0, 1, shape=8)
    theta = pm.Deterministic("theta", mu + tau * theta_base)
    pm.Normal("obs", theta, data["sigma"], observed=data["y"])


def radon(data):
    """Varying intercepts by county, non-centred: D = 89."""
    mu = pm.Normal("mu", 0, 10)
    beta = pm.Normal("beta", 0, 10)
    tau = pm.HalfNormal("tau", 1)
    sigma = pm.HalfNormal("sigma", 1)
    z = pm.Normal("z", 0, 1, shape=int(data["J"]))
    pm.Normal("obs", mu + tau * z[data["county"]] + beta * data["floor"], sigma, observed=data["y"])


def gaussian_process(data):
    """Squared exponential covariance over 100 points: D = 3."""
    squared = (data["x"][:, None] - data["x"][None, :]) ** 2
    variance = pm.LogNormal("variance", 0, 1)
    length = pm.LogNormal("length", 0, 1)
    noise = pm.LogNormal("noise", 0, 1)
    covariance = variance * pm.math.exp(-0.5 * squared / length**2) + (noise + 1e-6) * np.eye(squared.shape[0])
    pm.MvNormal("obs", mu=np.zeros(squared.shape[0]), cov=covariance, observed=data["y"])


def logistic_regression(data):
    """20,000 rows, 54 columns of which the first is the constant: D = 54."""
    beta = pm.Normal("beta", 0, 1, shape=data["X"].shape[1])
    pm.Bernoulli("obs", logit_p=data["X"] @ beta, observed=data["y"])
