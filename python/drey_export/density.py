"""log_density: a log density that is a function of JAX arrays as a program file."""

import jax.numpy as jnp
from numpyro.distributions.util import sum_rightmost

from drey_export import constraint, file
from drey_export import layout as _layout  # log_density has a parameter of that name
from drey_export.arguments import Arguments
from drey_export.errors import ExportError
from drey_export.lowering import Programs, spec


def log_density(
    f,
    layout,
    data=None,
    path="model.drey",
    *,
    deterministic=None,
    name=None,
    dims=None,
    coords=None,
    precision="f64",
    forward_mode_differentiation=False,
):
    """Writes a log density as the program file `path`.

    f(params), or f(params, data) where data are given, takes a dict of constrained values and returns the log density, a
    scalar, without the Jacobians of transforms, which are added here. layout maps each parameter to (shape, constraint), in
    the order of the position; a constraint is a name ('real', 'positive', 'unit_interval', 'simplex', …), a pair (low, high)
    with None for an open side, or one of numpyro.distributions.constraints; a shape alone means 'real'. data is a dict of
    arrays. deterministic, a function of the same arguments, returns a dict of further values to store.

    Other arguments are as for numpyro_model. Raises ExportError for what can't be exported.
    """
    name = name or getattr(f, "__name__", "model")
    file.check_name(name)
    export = _Density(f, layout, data, deterministic, file.check_precision(precision))
    programs, outputs = export.trace_programs(forward_mode_differentiation)
    sites = export.sites(outputs)
    manifest = {
        "model": name,
        "float": precision,
        "dimension": export.layout.dimension,
        "coords": _layout.apply_dims(sites, dims, coords),
        "sites": sites,
    }
    file.write(path, manifest, programs.lower()[0], programs.data, programs.given)


class _Density:
    """A log density on its way into a file."""

    def __init__(self, f, parameters, data, deterministic, float_dtype):
        self.f, self.deterministic = f, deterministic
        self.columns = Arguments(f, (), data or {}).columns
        self.has_data = data is not None
        self.shapes, self.constraints, self.bijectors, unconstrained = {}, {}, {}, {}
        for k, given in parameters.items():
            shape, limits = given if _is_pair(given) else (given, "real")
            self.shapes[k] = (shape,) if isinstance(shape, int) else tuple(shape)
            self.constraints[k], self.bijectors[k] = constraint.resolve(limits)
            try:
                unconstrained[k] = self.bijectors[k].inverse_shape(self.shapes[k])
            except (ValueError, IndexError) as e:
                raise ExportError(f"parameter {k!r}: shape {self.shapes[k]} does not go with its constraint: {e}") from e
        self.layout = _layout.Layout(unconstrained, float_dtype)

    def trace_programs(self, forward_mode):
        """The programs, and the results of the one that constrains."""
        programs, position = Programs(self.columns), self.layout.spec()
        density = _layout.with_gradient(self._log_density, self.layout, forward_mode)
        programs.add("log_density", density, [position])
        outputs = programs.add("constrain", self._constrain, [position])
        programs.add("unconstrain", self._unconstrain, [spec(shape, self.layout.float) for shape in self.shapes.values()])
        return programs, outputs

    def _call(self, function, values, data):
        return function(values, data) if self.has_data else function(values)

    def _values(self, position):
        return {k: self.bijectors[k](u) for k, u in self.layout.split(position).items()}

    def _log_density(self, position, data):
        values = self._values(position)
        total = jnp.asarray(self._call(self.f, values, data))
        for k, u in self.layout.split(position).items():
            jacobian = self.bijectors[k].log_abs_det_jacobian(u, values[k])
            total = total + sum_rightmost(jacobian, jnp.ndim(jacobian))
        return total

    def _constrain(self, position, data):
        values = self._values(position)
        if self.deterministic is not None:
            more = self._call(self.deterministic, values, data)
            clash = sorted(set(more) & set(values))
            if clash:
                raise ExportError(f"deterministic returns {clash[0]!r}, which is a parameter")
            values = {**values, **{k: jnp.asarray(x) for k, x in more.items()}}
        return values

    def _unconstrain(self, *arguments):
        values = dict(zip(self.shapes, arguments[:-1]))
        return {"position": self.layout.join({k: self.bijectors[k].inv(x) for k, x in values.items()})}

    def sites(self, outputs):
        """Descriptions of the parameters and the deterministic values."""
        out = []
        for k, value in outputs.items():
            latent = k in self.shapes
            described = _layout.site(k, "latent" if latent else "deterministic", value, _layout.default_dims(k, value.shape))
            if latent:
                if tuple(value.shape) != self.shapes[k]:
                    raise ExportError(f"parameter {k!r}: its constraint makes shape {tuple(value.shape)} of {self.shapes[k]}")
                described["constraint"] = constraint.words(self.constraints[k])
                described["offset"] = self.layout.offsets[k]
                described["unconstrained_shape"] = list(self.layout.shapes[k])
            out.append(described)
        return out


def _is_pair(given):
    """Whether a parameter's entry is (shape, constraint) and not a shape alone."""
    return isinstance(given, tuple) and len(given) == 2 and not isinstance(given[1], int)
