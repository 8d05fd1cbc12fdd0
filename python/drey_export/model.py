"""numpyro_model: a NumPyro model with its data as a program file."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro import handlers
from numpyro.distributions import biject_to
from numpyro.infer import init_to_uniform
from numpyro.infer.util import compute_log_probs, constrain_fn, potential_energy, unconstrain_fn

from drey_export import constraint, enumeration, file, layout
from drey_export.arguments import Arguments
from drey_export.errors import ExportError
from drey_export.lowering import Programs, spec
from drey_export.messengers import DefaultKey, Unvalidated, distribution, is_factor
from drey_export.predict import WHICH, Draws, key_of


def numpyro_model(
    model,
    args=(),
    kwargs=None,
    path="model.drey",
    *,
    name=None,
    dims=None,
    coords=None,
    precision="f64",
    forward_mode_differentiation=False,
):
    """Writes model(*args, **kwargs) as the program file `path`.

    The model is what NumPyro's NUTS would sample: its log density on unconstrained space with Jacobians, JAX's gradient of
    it, and the values of latent and deterministic sites. Arrays among the arguments become data of the file; numbers
    and text, such as sizes, become part of the programs. Plates name dimensions; dims maps a site to the names of its last
    dimensions and coords a dimension to the labels of its elements, as in ArviZ.

    precision is 'f64', which needs jax_enable_x64, or 'f32'. forward_mode_differentiation is as in numpyro.infer.NUTS: for
    models with loops of unknown length. Raises ExportError for what can't be exported.
    """
    kwargs = dict(kwargs or {})
    name = name or _name(model)
    file.check_name(name)
    float_dtype = file.check_precision(precision)
    trace = _trace(model, args, kwargs)
    _check(trace)
    arguments = Arguments(model, args, kwargs)
    fixed = {k: s["value"] for k, s in trace.items() if s["type"] in ("param", "mutable")}
    export = _Model(handlers.substitute(model, data=fixed), trace, arguments, float_dtype)
    programs, outputs = export.trace_programs(forward_mode_differentiation)
    sites = export.sites(outputs)
    lowered, refused = programs.lower(optional=("site_log_density", "predictive", "prior", "data_check"))
    export.unavailable.update({k: why for k, why in refused.items() if k in ("predictive", "prior")})
    manifest = {
        "model": name,
        "float": precision,
        "dimension": export.layout.dimension,
        "coords": layout.apply_dims(sites, dims, coords),
        "sites": sites,
        "unavailable": export.unavailable,
    }
    file.write(path, manifest, lowered, programs.data, programs.given)


def _name(model):
    while getattr(model, "fn", None) is not None:
        model = model.fn
    return getattr(model, "__name__", "model")


# Starts that are tried until one has legal parameters everywhere: an equation's solution may leave the floats, for example.
_STARTS = 20


def _trace(model, args, kwargs):
    """One run of the model at a random position, which checks the parameters of its distributions."""
    for seed in range(_STARTS):
        started = handlers.substitute(handlers.seed(model, rng_seed=seed), substitute_fn=init_to_uniform())
        with numpyro.validation_enabled():
            try:
                return handlers.trace(started).get_trace(*args, **kwargs)
            except (TypeError, ValueError) as e:
                first = first if seed else e
    raise ExportError(f"the model does not run with these arguments: {first}") from first


def _check(trace):
    """Refuses what this package can't export."""
    for name, s in trace.items():
        if s["type"] == "plate":
            size, rows = s["args"]
            if rows is not None and rows != size:
                raise ExportError(f"plate {name!r} uses {rows} of its {size} elements at a time: export the model without subsample_size")
        if s["type"] == "sample" and s["is_observed"] and not is_factor(s["fn"]):
            _check_support(name, s)
        if s["type"] != "sample" or s["is_observed"]:
            continue
        if s["fn"].support.is_discrete:
            enumeration.check(name, s)
        if type(s["fn"]).__name__ == "Delta":
            raise ExportError(f"the latent site {name!r} has a Delta distribution: use numpyro.deterministic instead")


def _check_support(name, s):
    """Refuses data that no parameters make possible: bounds that depend on latent sites are left to the log density."""
    support = s["fn"].support
    masked = type(s["fn"]).__name__ == "MaskedDistribution"  # what is masked may be anything
    if constraint.fixed(support) and not masked and not np.all(support(s["value"])):
        raise ExportError(f"the data of {name!r} are outside the support of their {distribution(s['fn'])} ({constraint.words(support)})")


class _Model:
    """A NumPyro model on its way into a file."""

    def __init__(self, model, trace, arguments, float_dtype):
        self.drawn = Draws(model, trace, arguments)  # without the fixed key, which would be that of all draws
        model = Unvalidated(DefaultKey(model))
        self.model, self.trace, self.arguments = model, trace, arguments
        self.unavailable = {}
        self.latent = [k for k, s in trace.items() if s["type"] == "sample" and not s["is_observed"] and not s["fn"].support.is_discrete]
        self.enumerated = enumeration.enumerates(trace)
        self.scored = enumeration.enumerated(model, trace) if self.enumerated else model
        shapes = {}
        for k in self.latent:
            s = trace[k]
            constraint.resolve(s["fn"].support)
            shapes[k] = jax.eval_shape(lambda x, t=biject_to(s["fn"].support): t.inv(x), s["value"]).shape
        self.layout = layout.Layout(shapes, float_dtype)

    def trace_programs(self, forward_mode):
        """The programs, with as many arguments as data as the model lets be unknown while it is traced.

        A model may compute with its arguments in NumPy, most often with indices: those arguments are then known, and what
        the model makes of them is data.
        """
        columns = self.arguments.columns
        for given in (columns, {k: x for k, x in columns.items() if x.dtype.kind == "f"}):
            try:
                return self._programs(given, forward_mode)
            except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
                pass
        return self._programs({}, forward_mode)

    def _programs(self, given, forward_mode):
        programs = Programs(given)
        for name, x in self.arguments.columns.items():
            programs.data.setdefault(name, x)  # arrays that are known: programs that close over one use its column
        position = self.layout.spec()
        density = layout.with_gradient(self._log_density, self.layout, forward_mode)
        programs.add("log_density", density, [position])
        outputs = programs.add("constrain", self._constrain, [position])
        values = [spec(jnp.shape(self.trace[k]["value"]), jnp.result_type(self.trace[k]["value"])) for k in self.latent]
        programs.add("unconstrain", self._unconstrain, values)
        if not self.enumerated:  # a sum over values of one site is the density of several
            programs.add("site_log_density", self._site_log_density, [position])
        self._draws(programs, outputs)
        programs.drop_unused()
        return programs, outputs

    def _draws(self, programs, outputs):
        """The programs that draw, as far as the distributions can, and the one that checks the data."""
        position, drawn = self.layout.spec(), self.drawn
        deterministic = [k for k in outputs if k not in self.latent]
        for name, wanted, arguments, program in (
            ("predictive", deterministic + drawn.observed, [position, *WHICH], self._predictive),
            ("prior", [*outputs, *drawn.observed], WHICH, self._prior),
        ):
            wanted = [k for k in self.trace if k in wanted]
            try:
                programs.add(name, partial(program, wanted), arguments)
            except (ExportError, NotImplementedError) as e:
                self.unavailable[name] = f"the model can't be drawn from: {e or type(e).__name__}"
        checked = drawn.checked(self._values, jnp.zeros(position.shape, position.dtype), programs.given_data())
        if checked:
            programs.add("data_check", partial(self._data_check, checked), [])

    def _log_density(self, position, data):
        args, kwargs = self.arguments.call(data)
        return -potential_energy(self.scored, args, kwargs, self.layout.split(position), enum=self.enumerated)

    def _constrain(self, position, data):
        args, kwargs = self.arguments.call(data)
        values = constrain_fn(self.scored, args, kwargs, self.layout.split(position), return_deterministic=True)
        # What depends on a site that is summed out has all its values, in more dimensions.
        shapes = {k: jnp.shape(self.trace[k]["value"]) for k in self.trace}
        return {k: jnp.asarray(values[k]) for k in self.trace if k in values and jnp.shape(values[k]) == shapes[k]}

    def _values(self, position, data):
        """The values of the latent sites."""
        args, kwargs = self.arguments.call(data)
        values = constrain_fn(self.scored, args, kwargs, self.layout.split(position))
        return {k: values[k] for k in self.latent}

    def _site_log_density(self, position, data):
        args, kwargs = self.arguments.call(data)
        values = self._values(position, data)
        densities, _ = compute_log_probs(self.model, args, kwargs, values, sum_log_prob=False)
        return {k: jnp.asarray(v).astype(self.layout.float) for k, v in densities.items()}

    def _unconstrain(self, *arguments):
        *values, data = arguments
        args, kwargs = self.arguments.call(data)
        return {"position": self.layout.join(unconstrain_fn(self.scored, args, kwargs, dict(zip(self.latent, values))))}

    def _predictive(self, wanted, position, seed, chain, draw, data):
        return self.drawn.draw(key_of(seed, chain, draw), data, self._values(position, data), wanted)

    def _prior(self, wanted, seed, chain, draw, data):
        return self.drawn.draw(key_of(seed, chain, draw), data, {}, wanted)

    def _data_check(self, checked, data):
        found = self.drawn.supports(data, self._values(jnp.zeros(self.layout.dimension, self.layout.float), data))
        out = {}
        for k in checked:
            out[k], out["value:" + k] = found[k]
        return out

    def sites(self, outputs):
        """Descriptions of the latent, deterministic and observed sites, in the order of the trace."""
        out = []
        for k, s in self.trace.items():
            if k in outputs:
                kind = "latent" if s["type"] == "sample" else "deterministic"
                described = layout.site(k, kind, outputs[k], _dims(k, s, outputs[k].shape))
            elif s["type"] == "sample" and s["is_observed"] and not is_factor(s["fn"]):
                value = np.asarray(s["value"])
                value = value.astype(jax.dtypes.canonicalize_dtype(value.dtype))
                described = layout.site(k, "observed", value, _dims(k, s, value.shape))
            else:
                continue
            if s["type"] == "sample":
                described["distribution"] = distribution(s["fn"])
                described["constraint"] = constraint.words(s["fn"].support)
            if k in self.layout.shapes:
                described["offset"] = self.layout.offsets[k]
                described["unconstrained_shape"] = list(self.layout.shapes[k])
            out.append(described)
        return out


def _dims(name, s, shape):
    """Names of a site's dimensions: the plates', and what ArviZ makes up for others."""
    dims = layout.default_dims(name, shape)
    frames = s["cond_indep_stack"]
    if s["type"] == "sample":
        batch = len(shape) - s["fn"].event_dim
    else:  # a deterministic value has its plates' dimensions first where that fits, then those of its event
        depth = max((-f.dim for f in frames), default=0)
        fits = depth <= len(shape) and all(shape[depth + f.dim] == f.size for f in frames)
        batch = depth if fits else len(shape)
    for f in frames:
        axis = batch + f.dim
        if axis >= 0 and shape[axis] == f.size:
            dims[axis] = f.name
    return dims
