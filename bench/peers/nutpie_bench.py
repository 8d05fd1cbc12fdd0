"""Measures nutpie's NUTS on one model, compiled by PyMC and numba, with its default settings."""

import os
import sys

import numba
import numpy as np
import nutpie
import pyarrow
import pymc

import datasets
import measure
import models_pymc


def sample(compiled, args, draws, raw):
    """The draws as an arviz.InferenceData, or raw as nutpie's own Arrow columns, which are sooner had."""
    return nutpie.sample(
        compiled,
        draws=draws,
        tune=args.warmup,
        chains=args.chains,
        cores=len(os.sched_getaffinity(0)),
        seed=args.seed,
        progress_bar=False,
        save_warmup=False,
        return_raw_trace=raw,
    )


def two_lengths(compiled, args):
    """Runs both lengths with one seed: the same warmup in both, so that their difference is draws alone.

    The clock stops at nutpie's own Arrow columns: making them an InferenceData would add a fifth.
    """
    runs = []
    for draws in args.repeat_lengths:
        seconds, trace = measure.seconds_of(lambda: sample(compiled, args, draws, raw=True))
        samples, steps, diverging = columns(trace, models_pymc.SITES[args.model])
        runs.append((draws, int(steps.sum()), int(diverging.sum()), seconds))
    return runs, samples


def columns(trace, sites):
    """(draws by site, leapfrogs, divergences), each [chain, draw, ...] without warmup, of nutpie's raw trace."""
    samples, steps, diverging = {name: [] for name in sites}, [], []
    for draw_batch, statistics_batch in zip(*trace.get_arrow_trace()):
        batch, statistics = pyarrow.record_batch(draw_batch), pyarrow.record_batch(statistics_batch)
        kept = ~np.asarray(statistics["tuning"])
        steps.append(np.asarray(statistics["n_steps"])[kept])
        diverging.append(np.asarray(statistics["diverging"])[kept])
        for name in sites:
            column = batch[name]
            if pyarrow.types.is_large_list(column.type):  # a site that is not a scalar: one list a draw
                values = np.asarray(column.flatten()).reshape(len(column), -1)
            else:
                values = np.asarray(column)
            samples[name].append(values[kept])
    return {name: np.stack(chains) for name, chains in samples.items()}, np.stack(steps), np.stack(diverging)


def gradient_us(compiled):
    """Microseconds per call of the compiled log density and gradient, from a loop compiled by numba."""
    log_density = compiled.compiled_logp_func.ctypes
    dimension = compiled.n_dim
    user_data = compiled.user_data.reshape(1).view(np.uint8)

    @numba.njit
    def iterate(n, position, gradient, value, user_data):
        failures = 0
        for _ in range(n):
            failures += log_density(dimension, position.ctypes, gradient.ctypes, value.ctypes, user_data.ctypes) != 0
            for i in range(dimension):
                position[i] -= 1e-12 * gradient[i]
        return failures

    def loop(n):
        if iterate(n, np.full(dimension, 0.1), np.zeros(dimension), np.zeros(1), user_data):
            raise RuntimeError("the log density failed at its first points")

    loop(1)
    return measure.per_call_us(loop)


def main():
    args = measure.arguments("nutpie", ("parallel",), ("f64",))
    compiled = nutpie.compile_pymc_model(models_pymc.build(args.model, datasets.load(args.model, args.rows)))
    sites = models_pymc.SITES[args.model]

    measured = {}
    if args.repeat_lengths:
        runs, samples = two_lengths(compiled, args)
        measured["gradient_us"] = gradient_us(compiled)
    else:
        import arviz

        seconds, trace = measure.seconds_of(lambda: sample(compiled, args, args.draws, raw=False))
        arviz.summary(trace, var_names=list(sites))
        measured["seconds_total"] = measure.seconds_since_process_start()
        statistics = trace.sample_stats
        runs = [(args.draws, int(statistics["n_steps"].sum()), int(statistics["diverging"].sum()), seconds)]
        samples = {name: trace.posterior[name].values for name in sites}
    measured |= measure.posterior(samples)
    measure.report("nutpie", f"{nutpie.__version__} (pymc {pymc.__version__}, numba {numba.__version__})", args, runs, **measured)


if __name__ == "__main__":
    sys.exit(main())
