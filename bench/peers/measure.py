"""Arguments, clocks and the one JSON object that each peer's program prints; bench/README.md defines its keys."""

import argparse
import json
import os
import platform
import sys
import time

import datasets
import recipe


def arguments(tool, chain_methods, precisions):
    """The parsed command line, the same for every tool but for the choices that it has."""
    parser = argparse.ArgumentParser(description=f"Measures {tool} on one model and prints one JSON object.")
    parser.add_argument("--model", choices=datasets.MODELS, required=True)
    parser.add_argument("--chains", type=int, default=1)
    parser.add_argument("--chain-method", choices=chain_methods, default=chain_methods[0])
    parser.add_argument("--warmup", type=int, default=1000, help="warmup draws of each chain")
    parser.add_argument("--draws", type=int, default=1000, help="draws of each chain, in a start-to-summary run")
    parser.add_argument("--repeat-lengths", type=lengths, metavar="A,B", help="two numbers of draws, to subtract fixed cost")
    parser.add_argument("--rows", type=int, default=recipe.LOGISTIC_ROWS, help="of the data of logistic-regression")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=precisions, default="f64")
    return parser.parse_args()


def lengths(text):
    """(A, B) of "A,B" with 0 < A < B."""
    short, long = (int(part) for part in text.split(","))
    if not 0 < short < long:
        raise argparse.ArgumentTypeError("needs 0 < A < B")
    return short, long


def seconds_since_process_start():
    """Seconds since the kernel made this process, imports and all; to the clock tick of 10 ms."""
    with open("/proc/self/stat") as stat:
        # The command, field 2, may hold spaces: count from its closing bracket. Field 22 is the start in ticks since boot.
        start = int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - start


def peak_rss_mb():
    """The process's largest resident memory so far, in MB (10**6 bytes)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024 / 1e6


def seconds_of(call):
    """(seconds, result) of one call."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def per_call_us(loop):
    """Microseconds per iteration of loop(n), which runs n iterations: the least of five, each at least 50 ms long."""
    n = 1
    while (elapsed := seconds_of(lambda: loop(n))[0]) < 0.05:
        n *= 2 if elapsed > 0.005 else 10
    return min(seconds_of(lambda: loop(n))[0] for _ in range(5)) / n * 1e6


def posterior(draws):
    """Mean, standard deviation and bulk ESS of each site's first element, and the least bulk ESS with its element.

    draws: arrays [chain, draw, ...] by site.
    """
    import arviz as az  # here, not above: it takes a second, which a start-to-summary run must not pay before its clock stops

    ess = {name: az.ess(az.convert_to_dataset({name: value}), method="bulk")[name].values for name, value in draws.items()}
    first = {}
    for name, value in draws.items():
        flat = value.reshape(*value.shape[:2], -1)[:, :, 0]
        label = name if value.ndim == 2 else f"{name}[{','.join('0' for _ in value.shape[2:])}]"
        first[label] = {"mean": float(flat.mean()), "sd": float(flat.std(ddof=1)), "ess": float(ess[name].ravel()[0])}
    worst = min(ess, key=lambda name: ess[name].min())
    return {"min_ess_bulk": float(ess[worst].min()), "min_ess_site": worst, "posterior": first}


def report(tool, version, args, runs, **measured):
    """Prints the JSON object.

    runs: (draws per chain, useful leapfrogs, divergences, seconds) of each run. Two runs give rates with the fixed
    cost subtracted; of one run, rates stay null.
    """
    result = {
        "tool": tool,
        "version": version,
        "python": platform.python_version(),
        "model": args.model,
        "precision": args.precision,
        "chains": args.chains,
        "chain_method": args.chain_method,
        "cores": len(os.sched_getaffinity(0)),
        "warmup": args.warmup,
        "seed": args.seed,
        "lengths": [run[0] for run in runs],
        "leapfrogs": [run[1] for run in runs],
        "divergences": runs[-1][2],
        "seconds": [run[3] for run in runs],
        "us_per_leapfrog": None,
        "min_ess_per_second": None,
        "gradient_us": None,
        "seconds_total": None,
    } | measured
    result["min_ess_per_leapfrog"] = result["min_ess_bulk"] / runs[-1][1]
    if len(runs) == 2:
        result["us_per_leapfrog"] = (runs[1][3] - runs[0][3]) / (runs[1][1] - runs[0][1]) * 1e6
        result["min_ess_per_second"] = result["min_ess_per_leapfrog"] / result["us_per_leapfrog"] * 1e6
    result["peak_rss_mb"] = peak_rss_mb()
    json.dump(result, sys.stdout)
    sys.stdout.write("\n")
