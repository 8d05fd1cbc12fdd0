"""Measures NumPyro's NUTS on one model, with its default settings."""

import os
import sys

import jax
import numpy as np
import numpyro

import datasets
import measure
import models_numpyro


def sampler(model, args, draws):
    """A numpyro.infer.MCMC of the settings in args that draws `draws` draws a chain."""
    return numpyro.infer.MCMC(
        numpyro.infer.NUTS(model),
        num_warmup=args.warmup,
        num_samples=draws,
        num_chains=args.chains,
        chain_method=args.chain_method,
        progress_bar=False,
    )


def run(mcmc, key):
    """Samples; gives (draws by site, statistics), each [chain, draw, ...], which the device may still be computing."""
    mcmc.run(key, extra_fields=("num_steps", "diverging"))
    return mcmc.get_samples(group_by_chain=True), mcmc.get_extra_fields(group_by_chain=True)


def counted(draws, seconds, statistics):
    """The run as measure.report wants it: its useful leapfrogs are the sum of num_steps, whatever other lanes did."""
    steps = np.asarray(statistics["num_steps"], dtype=np.int64)
    return draws, int(steps.sum()), int(np.asarray(statistics["diverging"]).sum()), seconds


def own_sites(args, samples):
    """The draws of the model's own sites as NumPy arrays."""
    return {name: np.asarray(samples[name], dtype=np.float64) for name in models_numpyro.SITES[args.model]}


def two_lengths(model, args):
    """Samples both lengths from one warmed-up state. MCMC.run compiles anew at each call, so the whole of it is compiled
    ahead, as NumPyro's own documentation does under pmap: the clock sees sampling alone. Gives the runs, the draws of the
    last one, and the seconds in which the first one's program was compiled; warmup's is another."""
    key = jax.random.PRNGKey(args.seed)
    warmed = sampler(model, args, args.repeat_lengths[0])
    warmed.warmup(key)
    # warmup returns while the device still computes: unless it is waited for, the first length's clock would time its rest.
    jax.block_until_ready(warmed.post_warmup_state)

    def continued(key, state, draws):
        mcmc = sampler(model, args, draws)
        mcmc.sampler, mcmc.post_warmup_state = warmed.sampler, state
        return run(mcmc, key)

    runs, compiled = [], []
    for draws in args.repeat_lengths:
        key = jax.random.fold_in(key, draws)
        seconds, program = measure.seconds_of(
            lambda: jax.jit(continued, static_argnums=2).lower(key, warmed.post_warmup_state, draws).compile()
        )
        compiled.append(seconds)
        seconds, (samples, statistics) = measure.seconds_of(
            lambda: jax.block_until_ready(program(key, warmed.post_warmup_state))
        )
        runs.append(counted(draws, seconds, statistics))
    return runs, samples, compiled[0]


def gradient_us(model, chains):
    """Microseconds per log density and gradient of one chain, from a loop inside one compiled program."""
    keys = jax.random.split(jax.random.PRNGKey(0), chains)
    info = numpyro.infer.util.initialize_model(keys[0] if chains == 1 else keys, model)
    step = jax.value_and_grad(info.potential_fn)
    step = step if chains == 1 else jax.vmap(step)

    @jax.jit
    def iterate(n, position):
        def body(_, carry):
            value, gradient = step(carry)
            # The next position depends on both results, so that no evaluation can be left out or hoisted.
            nudge = 1e-9 * value
            return jax.tree.map(lambda z, g: z - 1e-9 * g + nudge.reshape(nudge.shape + (1,) * (z.ndim - nudge.ndim)), carry, gradient)

        return jax.lax.fori_loop(0, n, body, position)

    position = info.param_info.z
    jax.block_until_ready(iterate(1, position))
    return measure.per_call_us(lambda n: jax.block_until_ready(iterate(n, position))) / chains


def main():
    args = measure.arguments("NumPyro", ("sequential", "vectorized", "parallel"), ("f64", "f32"))
    numpyro.set_platform(os.environ.get("JAX_PLATFORMS", "cpu"))
    numpyro.enable_x64(args.precision == "f64")
    if args.chain_method == "parallel":
        numpyro.set_host_device_count(args.chains)
    model = models_numpyro.build(args.model, datasets.load(args.model, args.rows))

    measured = {}
    if args.repeat_lengths:
        runs, samples, measured["compile_seconds"] = two_lengths(model, args)
        measured["gradient_us"] = gradient_us(model, args.chains if args.chain_method == "vectorized" else 1)
    else:
        mcmc = sampler(model, args, args.draws)
        seconds, (samples, statistics) = measure.seconds_of(
            lambda: jax.block_until_ready(run(mcmc, jax.random.PRNGKey(args.seed)))
        )
        runs = [counted(args.draws, seconds, statistics)]
        numpyro.diagnostics.summary(own_sites(args, samples))
        measured["seconds_total"] = measure.seconds_since_process_start()
    measured |= measure.posterior(own_sites(args, samples))
    measure.report("numpyro", f"{numpyro.__version__} (jax {jax.__version__})", args, runs, **measured)


if __name__ == "__main__":
    sys.exit(main())
