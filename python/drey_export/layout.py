"""Sites and their places in the position, the vector of all latent sites on unconstrained space."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from drey_export.errors import ExportError
from drey_export.lowering import dtype_name


class Layout:
    """Which part of the position each latent site has: shapes maps names to shapes on unconstrained space, in order."""

    def __init__(self, shapes, float_dtype):
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.float = float_dtype
        self.offsets, at = {}, 0
        for name, shape in self.shapes.items():
            self.offsets[name] = at
            at += math.prod(shape)
        self.dimension = at
        if at == 0:
            raise ExportError("there are no latent sites, so nothing to infer")

    def split(self, position):
        """The unconstrained values of the sites."""
        parts = {}
        for name, shape in self.shapes.items():
            offset = self.offsets[name]
            parts[name] = position[offset : offset + math.prod(shape)].reshape(shape)
        return parts

    def join(self, values):
        """The position that has these unconstrained values."""
        return jnp.concatenate([jnp.reshape(values[name], -1).astype(self.float) for name in self.shapes])

    def spec(self):
        """The type of the position."""
        return jax.ShapeDtypeStruct((self.dimension,), self.float)


def with_gradient(density, layout, forward_mode):
    """The program (position, data) → log density, gradient, of a function that gives the first."""

    def scalar(position, data):
        value = density(position, data)
        if jnp.shape(value) != ():
            raise ExportError(f"the log density has shape {jnp.shape(value)}: sum it")
        return value.astype(layout.float)

    def program(position, data):
        if forward_mode:
            return {"log_density": scalar(position, data), "gradient": jax.jacfwd(scalar)(position, data)}
        try:
            value, gradient = jax.value_and_grad(scalar)(position, data)
        except ValueError as e:
            if "everse-mode" not in str(e):
                raise
            raise ExportError(f"{e} Export with forward_mode_differentiation=True.") from e
        return {"log_density": value, "gradient": gradient}

    return program


def site(name, kind, value, dims, **more):
    """The manifest's description of a site; value has its shape and dtype."""
    shape = list(jnp.shape(value))
    return {"name": name, "kind": kind, "dtype": dtype_name(jnp.result_type(value)), "shape": shape, "dims": dims, **more}


def default_dims(name, shape):
    """Names of dimensions as ArviZ makes them."""
    return [f"{name}_dim_{i}" for i in range(len(shape))]


def apply_dims(sites, dims, coords):
    """Puts the user's names of dimensions into sites and returns their coordinates as text."""
    by_name = {s["name"]: s for s in sites}
    for name, given in (dims or {}).items():
        s = by_name.get(name)
        if s is None:
            raise ExportError(f"dims names {name!r}, which is no site (sites: {', '.join(by_name)})")
        if len(given) > len(s["shape"]):
            raise ExportError(f"dims has {len(given)} names for {name!r} of shape {tuple(s['shape'])}")
        s["dims"][len(s["dims"]) - len(given) :] = list(given)
    sizes = {dim: (size, s["name"]) for s in sites for dim, size in zip(s["dims"], s["shape"])}
    out = {}
    for dim, labels in (coords or {}).items():
        labels = [str(x) for x in np.asarray(labels).tolist()]
        if dim not in sizes:
            raise ExportError(f"coords names the dimension {dim!r}, which no site has (dimensions: {', '.join(sizes)})")
        size, name = sizes[dim]
        if size != len(labels):
            raise ExportError(f"coords has {len(labels)} labels for {dim!r}, of which {name!r} has {size}")
        out[dim] = labels
    return out
