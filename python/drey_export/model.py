"""numpyro_model: a NumPyro model with its data as a program file."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro import handlers
from numpyro.distributions import biject_to
from numpyro.infer import init_to_uniform
from numpyro.infer.util import compute_log_probs, constrain_fn, potential_energy, unconstrain_fn
from numpyro.primitives import Messenger

from drey_export import constraint, file, layout
from drey_export.arguments import Arguments
from drey_export.errors import ExportError
from drey_export.lowering import Programs, spec


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
    export = _Model(_DefaultKey(handlers.substitute(model, data=fixed)), trace, arguments, float_dtype)
    programs, outputs = export.trace_programs(forward_mode_differentiation)
    sites = export.sites(outputs)
    manifest = {
        "model": name,
        "float": precision,
        "dimension": export.layout.dimension,
        "coords": layout.apply_dims(sites, dims, coords),
        "sites": sites,
    }
    file.write(path, manifest, programs.lower(), programs.data)


def _name(model):
    while getattr(model, "fn", None) is not None:
        model = model.fn
    return getattr(model, "__name__", "model")


class _DefaultKey(Messenger):
    """Gives numpyro.prng_key a fixed key, as NUTS does: the log density is a function."""

    def process_message(self, message):
        if message["type"] == "prng_key" and message["value"] is None:
            message["value"] = jax.random.key(0)


def _trace(model, args, kwargs):
    """One run of the model at a random position, which checks the parameters of its distributions."""
    started = handlers.substitute(handlers.seed(model, rng_seed=0), substitute_fn=init_to_uniform())
    with numpyro.validation_enabled():
        try:
            return handlers.trace(started).get_trace(*args, **kwargs)
        except (TypeError, ValueError) as e:
            raise ExportError(f"the model does not run with these arguments: {e}") from e


def _check(trace):
    """Refuses what this package can't export."""
    for name, s in trace.items():
        if s["type"] == "plate":
            size, rows = s["args"]
            if rows is not None and rows != size:
                raise ExportError(f"plate {name!r} uses {rows} of its {size} elements at a time: export the model without subsample_size")
        if s["type"] == "sample" and s["is_observed"] and not _is_factor(s):
            _check_support(name, s)
        if s["type"] != "sample" or s["is_observed"]:
            continue
        if s["fn"].support.is_discrete:
            raise ExportError(
                f"the latent site {name!r} is discrete, which gradients can't sample: sum it out, with "
                "numpyro.distributions.MixtureSameFamily for labels, with logsumexp and numpyro.factor, or with a forward "
                "algorithm (jax.lax.scan) for hidden states"
            )
        if type(s["fn"]).__name__ == "Delta":
            raise ExportError(f"the latent site {name!r} has a Delta distribution: use numpyro.deterministic instead")


def _check_support(name, s):
    """Refuses data that no parameters make possible: bounds that depend on latent sites are left to the log density."""
    support = s["fn"].support
    masked = type(s["fn"]).__name__ == "MaskedDistribution"  # what is masked may be anything
    if constraint.fixed(support) and not masked and not np.all(support(s["value"])):
        raise ExportError(f"the data of {name!r} are outside the support of their {_distribution(s['fn'])} ({constraint.words(support)})")


class _Model:
    """A NumPyro model on its way into a file."""

    def __init__(self, model, trace, arguments, float_dtype):
        self.model, self.trace, self.arguments = model, trace, arguments
        self.latent = [k for k, s in trace.items() if s["type"] == "sample" and not s["is_observed"]]
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
        position, outputs = self.layout.spec(), {}
        density = layout.with_gradient(self._log_density, self.layout, forward_mode)
        programs.add("log_density", density, [position])
        outputs["constrain"] = programs.add("constrain", self._constrain, [position])
        programs.add("site_log_density", self._site_log_density, [position])
        values = [spec(jnp.shape(self.trace[k]["value"]), jnp.result_type(self.trace[k]["value"])) for k in self.latent]
        programs.add("unconstrain", self._unconstrain, values)
        programs.drop_unused()
        return programs, outputs["constrain"]

    def _log_density(self, position, data):
        args, kwargs = self.arguments.call(data)
        return -potential_energy(self.model, args, kwargs, self.layout.split(position))

    def _constrain(self, position, data, deterministic=True):
        args, kwargs = self.arguments.call(data)
        values = constrain_fn(self.model, args, kwargs, self.layout.split(position), return_deterministic=deterministic)
        return {k: jnp.asarray(values[k]) for k in self.trace if k in values}

    def _site_log_density(self, position, data):
        args, kwargs = self.arguments.call(data)
        values = self._constrain(position, data, deterministic=False)
        densities, _ = compute_log_probs(self.model, args, kwargs, values, sum_log_prob=False)
        return {k: jnp.asarray(v).astype(self.layout.float) for k, v in densities.items()}

    def _unconstrain(self, *arguments):
        *values, data = arguments
        args, kwargs = self.arguments.call(data)
        return {"position": self.layout.join(unconstrain_fn(self.model, args, kwargs, dict(zip(self.latent, values))))}

    def sites(self, outputs):
        """Descriptions of the latent, deterministic and observed sites, in the order of the trace."""
        out = []
        for k, s in self.trace.items():
            if k in outputs:
                kind = "latent" if s["type"] == "sample" else "deterministic"
                described = layout.site(k, kind, outputs[k], _dims(k, s, outputs[k].shape))
            elif s["type"] == "sample" and not _is_factor(s):
                value = np.asarray(s["value"])
                value = value.astype(jax.dtypes.canonicalize_dtype(value.dtype))
                described = layout.site(k, "observed", value, _dims(k, s, value.shape))
            else:
                continue
            if s["type"] == "sample":
                described["distribution"] = _distribution(s["fn"])
                described["constraint"] = constraint.words(s["fn"].support)
            if k in self.layout.shapes:
                described["offset"] = self.layout.offsets[k]
                described["unconstrained_shape"] = list(self.layout.shapes[k])
            out.append(described)
        return out


def _distribution(fn):
    """The name of a distribution, without what only gives it its shape."""
    while type(fn).__name__ in ("Independent", "ExpandedDistribution", "MaskedDistribution"):
        fn = fn.base_dist
    return type(fn).__name__


def _is_factor(s):
    """Whether a site is one of numpyro.factor."""
    return _distribution(s["fn"]) == "Unit"


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
