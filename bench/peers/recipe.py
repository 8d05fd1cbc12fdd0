"""Counter-based random numbers, and the data sets made from them, as bench/README.md defines them.

Run as a program, it checks itself against the known values of bench/data and rewrites nothing; with --write-gp it
writes bench/data/gp.json.
"""

import json
import pathlib
import sys

import numpy as np

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"

LOGISTIC_ROWS = 20_000
LOGISTIC_COLUMNS = 54


def splitmix(counter):
    """The finaliser of SplitMix64 applied to (counter + 1) * 0x9E3779B97F4A7C15 mod 2**64, elementwise, as uint64."""
    with np.errstate(over="ignore"):  # arithmetic mod 2**64 is the point
        z = (np.asarray(counter, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(counter):
    """u(c): a uniform number strictly between 0 and 1 for each counter."""
    return ((splitmix(counter) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53


def normal(index):
    """g(i): a standard normal number for each index, by Box and Muller from u(2i) and u(2i + 1)."""
    even = np.asarray(index, dtype=np.uint64) * np.uint64(2)
    return np.sqrt(-2 * np.log(uniform(even))) * np.cos(2 * np.pi * uniform(even + np.uint64(1)))


def gaussian_process():
    """x [100] and y [100]: a sine seen with noise of standard deviation 0.3."""
    i = np.arange(100)
    x = i / 10
    return x, np.sin(x) + 0.3 * normal(i)


def logistic_regression(rows=LOGISTIC_ROWS):
    """X [rows, 54] whose first column is 1, y [rows] of 0 and 1, and the coefficients [54] that y was drawn with."""
    n = np.arange(rows, dtype=np.uint64)
    j = np.arange(LOGISTIC_COLUMNS, dtype=np.uint64)
    X = normal(np.uint64(64) * n[:, None] + j[None, :])
    X[:, 0] = 1
    beta = 0.3 * normal(np.uint64(2**40) + j)
    y = (uniform(np.uint64(128) * n) < 1 / (1 + np.exp(-(X @ beta)))).astype(np.int64)
    return X, y, beta


def logistic_regression_figures():
    """A few numbers that tell whether another program made the same logistic regression data."""
    X, y, beta = logistic_regression()
    return {
        "beta_true_0_to_3": beta[:4].tolist(),
        "x_first_row_0_to_3": X[0, :4].tolist(),
        "x_last": float(X[-1, -1]),
        "y_0_to_9": y[:10].tolist(),
        "y_sum": int(y.sum()),
    }


def check():
    """Raises AssertionError where a number differs from bench/data by more than the rounding of log and cos."""
    known = json.loads((DATA / "random_numbers.json").read_text())
    assert [f"{z:016x}" for z in splitmix(np.arange(4)).tolist()] == known["splitmix_0_to_3_hex"]
    assert uniform(np.arange(4)).tolist() == known["u_0_to_3"]
    np.testing.assert_allclose(normal(np.arange(4)), known["g_0_to_3"], rtol=1e-14)
    figures = logistic_regression_figures()
    for name, value in known["logistic_regression_20000"].items():
        np.testing.assert_allclose(figures[name], value, rtol=1e-13, err_msg=name)
    stored = json.loads((DATA / "gp.json").read_text())
    x, y = gaussian_process()
    np.testing.assert_allclose(x, stored["x"], rtol=1e-15)
    np.testing.assert_allclose(y, stored["y"], rtol=1e-13, atol=1e-15)


def write_gaussian_process():
    x, y = gaussian_process()
    source = "Made by the recipe of bench/README.md: x[i] = i/10, y[i] = sin(x[i]) + 0.3 g(i), i = 0 ... 99."
    columns = {"_source": source, "x": x.tolist(), "y": y.tolist()}
    body = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in columns.items())
    (DATA / "gp.json").write_text("{\n" + body + "\n}\n")


if __name__ == "__main__":
    if "--write-gp" in sys.argv[1:]:
        write_gaussian_process()
    check()
