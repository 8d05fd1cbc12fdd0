"""Programs beside the log density of a NumPyro model: those that draw its sites, and the one that checks its data."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jax.interpreters import partial_eval
from numpyro import handlers

from drey_export.errors import ExportError
from drey_export.lowering import spec
from drey_export.messengers import Unconditioned, is_factor

# Which draw of which chain: the words of the seed, the higher first, for without x64 JAX has no 64-bit integers; chain; draw.
WHICH = [spec((2,), "uint32"), spec((), "uint32"), spec((), "uint32")]


def key_of(seed, chain, draw):
    """JAX's key for a draw of a chain."""
    key = jax.random.wrap_key_data(seed, impl="threefry2x32")
    return jax.random.fold_in(jax.random.fold_in(key, chain), draw)


class Draws:
    """A model whose sites are drawn instead of scored; trace is that of one run of it."""

    def __init__(self, model, trace, arguments):
        self.model, self.trace, self.arguments = model, trace, arguments
        self.observed = [k for k, s in trace.items() if s["type"] == "sample" and s["is_observed"] and not is_factor(s["fn"])]

    def draw(self, key, data, values, wanted):
        """The sites wanted, given the values of others, with the types that they have in the trace."""
        args, kwargs = self.arguments.call(data)
        model = handlers.substitute(handlers.seed(self.model, rng_seed=key), data=values)
        drawn = handlers.trace(Unconditioned(model)).get_trace(*args, **kwargs)
        return {k: self._typed(k, drawn[k]["value"]) for k in wanted}

    def _typed(self, name, value):
        like = self.trace[name]["value"]
        if jnp.shape(value) != jnp.shape(like):
            raise ExportError(f"{name!r} is drawn with shape {jnp.shape(value)} and has data of shape {jnp.shape(like)}")
        return jnp.asarray(value).astype(jax.dtypes.canonicalize_dtype(jnp.result_type(like)))

    def supports(self, data, values):
        """Which elements of each observed site are in its support, and their values."""
        args, kwargs = self.arguments.call(data)
        model = handlers.substitute(handlers.seed(self.model, rng_seed=0), data=values)
        trace = handlers.trace(model).get_trace(*args, **kwargs)
        out = {}
        for k in self.observed:
            fn, value = trace[k]["fn"], jnp.asarray(trace[k]["value"])
            if isinstance(fn, dist.MaskedDistribution):
                continue  # what is masked may be anything
            batch = value.shape[: value.ndim - fn.event_dim]
            out[k] = (jnp.broadcast_to(fn.support(value), batch), value)
        return out

    def checked(self, values_of, lead, data):
        """The observed sites whose support the data decide without values_of(lead, data), the values of other sites."""
        names = []

        def inside(lead, data):
            found = self.supports(data, values_of(lead, data))
            names.extend(found)
            return [ok for ok, _ in found.values()]

        jaxpr = jax.make_jaxpr(inside)(lead, data).jaxpr
        out = []
        for i, name in enumerate(names):
            needed, used = partial_eval.dce_jaxpr(jaxpr, [i == k for k in range(len(names))])
            if not used[0] and "eigh" not in str(needed):  # eigenvalues have no place in a program
                out.append(name)
        return out
