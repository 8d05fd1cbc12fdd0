"""Effect handlers that a model is exported under."""

import copy

import jax
import jax.numpy as jnp
import numpyro
from numpyro.distributions import constraints
from numpyro.primitives import Messenger

# Supports whose membership takes eigenvalues, which a program has no operation for.
_SPECTRAL = tuple(
    type(getattr(constraints, name))
    for name in ("corr_matrix", "positive_definite", "positive_semidefinite", "positive_definite_circulant_vector")
    if hasattr(constraints, name)
)


class _Nested(Messenger):
    """A messenger that is about the sites inside of numpyro's scan too, which hides them from the handlers around it."""

    def process_message(self, message):
        if message["type"] == "control_flow":
            f, *rest = message["args"]
            message["args"] = (self._within(f), *rest)
            self._flow(message)
        elif message["type"] in ("sample", "prng_key") and not message.get("_control_flow_done", False):
            self._site(message)

    def _within(self, f):
        def body(*args):
            with type(self)():
                return f(*args)

        return body

    def _flow(self, message):
        pass

    def _site(self, message):
        raise NotImplementedError


class DefaultKey(Messenger):
    """Gives numpyro.prng_key a fixed key, as NUTS does: the log density is a function."""

    def process_message(self, message):
        if message["type"] == "prng_key" and message["value"] is None:
            message["value"] = jax.random.key(0)


class Unconditioned(_Nested):
    """Draws what the model observes, and leaves factors alone."""

    def _flow(self, message):
        stack = message["kwargs"]["substitute_stack"]
        stack[:] = [(kind, values) for kind, values in stack if kind != "condition"]

    def _site(self, message):
        if message["type"] == "sample" and message["is_observed"] and not is_factor(message["fn"]):
            batch = jnp.shape(message["value"])[: jnp.ndim(message["value"]) - message["fn"].event_dim]
            if batch != message["fn"].batch_shape:  # one distribution of many observations: they are drawn independently
                message["fn"] = message["fn"].expand(batch)
            message["is_observed"], message["value"] = False, None
            if message["kwargs"]["rng_key"] is None:
                message["kwargs"]["rng_key"] = numpyro.prng_key()


class Unvalidated(_Nested):
    """Leaves out the check of values that must be positive definite.

    Latent ones are so, for their bijectors make them, and observed ones were checked before.
    """

    def _site(self, message):
        if message["type"] == "sample" and _spectral(message["fn"]):
            message["fn"] = _unvalidated(message["fn"])


def _spectral(fn):
    support = fn.support
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return isinstance(support, _SPECTRAL)


def _unvalidated(fn):
    out = copy.copy(fn)
    out._validate_args = False
    if getattr(fn, "base_dist", None) is not None:
        out.base_dist = _unvalidated(fn.base_dist)
    return out


def distribution(fn):
    """The name of a distribution, without what only gives it its shape."""
    while type(fn).__name__ in ("Independent", "ExpandedDistribution", "MaskedDistribution"):
        fn = fn.base_dist
    return type(fn).__name__


def is_factor(fn):
    """Whether a distribution is that of numpyro.factor."""
    return distribution(fn) == "Unit"
