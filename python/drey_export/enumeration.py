"""Discrete latent sites, which are summed out as for NumPyro's NUTS: by the package funsor."""

from drey_export.errors import ExportError

_BY_HAND = (
    "sum it out, with numpyro.distributions.MixtureSameFamily for labels, with logsumexp and numpyro.factor, or with a forward "
    "algorithm (jax.lax.scan) for hidden states"
)


def check(name, site):
    """Refuses a discrete latent site that can't be summed out here."""
    kind = site["infer"].get("enumerate")
    if not site["fn"].has_enumerate_support or kind not in (None, "parallel"):
        raise ExportError(f"the latent site {name!r} is discrete, which gradients can't sample, and can't be enumerated: {_BY_HAND}")
    try:
        import numpyro.contrib.funsor  # noqa: F401
    except ImportError:
        raise ExportError(
            f"the latent site {name!r} is discrete, which gradients can't sample: install funsor, and it is summed out, or {_BY_HAND}"
        ) from None


def enumerates(trace):
    """Whether a model has discrete latent sites."""
    return any(s["type"] == "sample" and not s["is_observed"] and s["fn"].support.is_discrete for s in trace.values())


def enumerated(model, trace):
    """The model with its discrete latent sites enumerated; trace is one of its own."""
    from numpyro.contrib.funsor import config_enumerate, enum

    dims = [f.dim for s in trace.values() if s["type"] == "sample" for f in s["cond_indep_stack"]]
    return enum(config_enumerate(model), min(dims, default=0) - 1)
