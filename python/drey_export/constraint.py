"""Constraints: their names for log_density, and what drey calls them."""

import numpy as np
from numpyro.distributions import biject_to, constraints

from drey_export.errors import ExportError

NAMED = {
    "real": constraints.real,
    "positive": constraints.positive,
    "nonnegative": constraints.nonnegative,
    "unit_interval": constraints.unit_interval,
    "simplex": constraints.simplex,
    "ordered": constraints.ordered_vector,
    "positive_ordered": constraints.positive_ordered_vector,
    "corr_cholesky": constraints.corr_cholesky,
    "corr_matrix": constraints.corr_matrix,
    "lower_cholesky": constraints.lower_cholesky,
    "positive_definite": constraints.positive_definite,
    "zero_sum": constraints.zero_sum(1),
}

_WORDS = [
    (constraints.real, "real"),
    (constraints.real_vector, "a real vector"),
    (constraints.real_matrix, "a real matrix"),
    (constraints.positive, "positive"),
    (constraints.softplus_positive, "positive"),
    (constraints.nonnegative, "non-negative"),
    (constraints.unit_interval, "in [0, 1]"),
    (constraints.simplex, "a simplex"),
    (constraints.ordered_vector, "an increasing vector"),
    (constraints.positive_ordered_vector, "an increasing positive vector"),
    (constraints.corr_cholesky, "a Cholesky factor of a correlation matrix"),
    (constraints.corr_matrix, "a correlation matrix"),
    (constraints.lower_cholesky, "a lower Cholesky factor"),
    (constraints.softplus_lower_cholesky, "a lower Cholesky factor"),
    (constraints.scaled_unit_lower_cholesky, "a lower Cholesky factor"),
    (constraints.positive_definite, "a positive definite matrix"),
    (constraints.boolean, "0 or 1"),
    (constraints.nonnegative_integer, "a non-negative integer"),
    (constraints.positive_integer, "a positive integer"),
]


def resolve(given):
    """The NumPyro constraint and bijector that a name, an (low, high) pair or a constraint stands for."""
    if isinstance(given, str):
        if given not in NAMED:
            raise ExportError(f"constraint {given!r}: want {', '.join(NAMED)}, a pair (low, high), or one of numpyro.distributions.constraints")
        given = NAMED[given]
    elif isinstance(given, tuple):
        given = _bounds(given)
    try:
        return given, biject_to(given)
    except NotImplementedError:
        raise ExportError(f"there is no bijector from unconstrained space to {given!r}") from None


def _bounds(pair):
    if len(pair) != 2:
        raise ExportError(f"constraint {pair!r}: want a pair (low, high); None leaves a side open")
    low, high = pair
    if low is None and high is None:
        return constraints.real
    if high is None:
        return constraints.greater_than(low)
    if low is None:
        return constraints.less_than(high)
    return constraints.interval(low, high)


def fixed(constraint):
    """Whether a constraint is the same whatever values other sites have, as far as its type tells."""
    if isinstance(constraint, constraints.independent):
        return fixed(constraint.base_constraint)
    return any(type(constraint) is type(known) for known, _ in _WORDS)


def words(constraint):
    """The constraint as drey's messages have it."""
    if isinstance(constraint, constraints.independent):
        return "entries " + words(constraint.base_constraint)
    for known, text in _WORDS:
        if type(constraint) is type(known) and (constraint is known or constraint.eq(known, static=True)):
            return text
    if isinstance(constraint, constraints.interval):
        return f"in [{_bound(constraint.lower_bound)}, {_bound(constraint.upper_bound)}]"
    if isinstance(constraint, (constraints.greater_than, constraints.greater_than_eq)):
        return f"above {_bound(constraint.lower_bound)}"
    if isinstance(constraint, (constraints.less_than, constraints.less_than_eq)):
        return f"below {_bound(constraint.upper_bound)}"
    if isinstance(constraint, constraints.integer_interval):
        return f"an integer in [{_bound(constraint.lower_bound)}, {_bound(constraint.upper_bound)}]"
    return type(constraint).__name__.strip("_")


def _bound(x):
    """A bound that is one number, or words for one that is not, or that other values decide."""
    try:
        values = np.unique(np.asarray(x))
    except Exception:  # a tracer
        return "a bound"
    return f"{values[0]:.6g}" if values.size == 1 else "a bound"
