"""Writes jax/*.json.gz: functions as JAX exports them, with arguments and the results that JAX computes.

Run in this folder, with the Python environment that bench/peers/setup.sh makes:

    ../../../../bench/.venv/bin/python export.py

Each file is a list of cases {"name", "text", "args", "results"}; arrays are {"dtype", "shape", "hex"}, elements little-endian
in row-major order. Programs that need linear algebra are exported for a TPU, which writes it as StableHLO and not as calls
of LAPACK, and their results are computed on the CPU.
"""

import gzip
import json
import os
import re

os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jax.scipy.special as special  # noqa: E402
import numpy as np  # noqa: E402
from jax import export, lax  # noqa: E402

jax.config.update("jax_enable_x64", True)
RNG = np.random.default_rng(20261121)
CASES = {}


def case(group, name, f, *args, tpu=False, plain=False):
    """plain keeps the text of as_text(); else it is jax.export's, without locations to keep the files small."""
    args = [jnp.asarray(a) for a in args]
    results = jax.tree.leaves(jax.jit(f)(*args))
    if plain:
        text = jax.jit(f).lower(*args).as_text()
    else:
        text = export.export(jax.jit(f), platforms=["tpu" if tpu else "cpu"])(*args).mlir_module()
        text = "\n".join(l for l in text.split("\n") if not re.match(r"#loc\d* = ", l))
        text = re.sub(r" loc\((?:#loc\d*|unknown|\"[^\"]*\"\(#loc\d*\))\)", "", text)
    CASES.setdefault(group, []).append(
        {"name": name, "text": text, "args": [array(a) for a in args], "results": [array(r) for r in results]}
    )


def array(x):
    x = np.asarray(x)
    return {"dtype": x.dtype.name, "shape": list(x.shape), "hex": np.ascontiguousarray(x).tobytes().hex()}


def normal(*shape, dtype=np.float64):
    return RNG.normal(size=shape).astype(dtype)


def spd(n):
    a = normal(n, n)
    return a @ a.T + n * np.eye(n)


def elementwise():
    x, y = normal(3, 4), normal(3, 4)
    p = np.abs(x) + 0.1
    unary = dict(
        neg=lambda x: -x, abs=jnp.abs, sign=jnp.sign, sin=jnp.sin, cos=jnp.cos, tan=jnp.tan, tanh=jnp.tanh, exp=jnp.exp, expm1=jnp.expm1,
        floor=jnp.floor, ceil=jnp.ceil, round=jnp.round, trunc=jnp.trunc, isfinite=jnp.isfinite, sigmoid=jax.nn.sigmoid, softplus=jax.nn.softplus,
        erf=special.erf, erfc=special.erfc, arctan=jnp.arctan, sinh=jnp.sinh, cosh=jnp.cosh, arcsinh=jnp.arcsinh, square=jnp.square, cbrt=jnp.cbrt,
        norm_cdf=jax.scipy.stats.norm.cdf, log_ndtr=special.log_ndtr,
    )
    for name, f in unary.items():
        case("unary", name, f, x)
    case("unary", "tanh_f32", jnp.tanh, x.astype(np.float32))
    case("unary", "exp_f32", jnp.exp, x.astype(np.float32))
    positive = dict(
        log=jnp.log, log1p=jnp.log1p, sqrt=jnp.sqrt, rsqrt=lax.rsqrt, lgamma=special.gammaln, digamma=special.digamma,
        arccosh=lambda p: jnp.arccosh(1 + p), arcsin=lambda p: jnp.arcsin(p / 4), arccos=lambda p: jnp.arccos(p / 4), arctanh=lambda p: jnp.arctanh(p / 4),
        erf_inv=lambda p: special.erfinv(p / 4), ndtri=lambda p: special.ndtri(p / 4), logit=lambda p: special.logit(p / 4), betaln=lambda p: special.betaln(p, p + 1),
        trigamma=lambda p: lax.polygamma(1.0, p),
    )
    for name, f in positive.items():
        case("unary", name, f, p)
    binary = dict(
        add=jnp.add, sub=jnp.subtract, mul=jnp.multiply, div=jnp.divide, max=jnp.maximum, min=jnp.minimum, atan2=jnp.arctan2, logaddexp=jnp.logaddexp,
        eq=jnp.equal, lt=jnp.less, ge=jnp.greater_equal, where=lambda x, y: jnp.where(x > y, x, 2 * y), nextbool=lambda x, y: (x > 0) ^ (y > 0) | ~(x < y),
        xlogy=lambda x, y: special.xlogy(jnp.abs(x), jnp.abs(y)), broadcast=lambda x, y: x[:, :1] + y[:1], hypot=jnp.hypot, sign_copy=jnp.copysign,
    )
    for name, f in binary.items():
        case("binary", name, f, x, y)
    case("binary", "pow", jnp.power, p, y)
    case("binary", "integer_pow", lambda x: x**3 + x**-2, x)
    case("binary", "fmod", jnp.fmod, x, y)
    case("binary", "mod", jnp.mod, x, y)
    case("binary", "clip", lambda x: (jnp.clip(x, -0.5, 0.5), lax.clamp(-0.1, x, 0.2)), x)
    i, j = RNG.integers(-50, 50, (2, 5)), RNG.integers(1, 9, (2, 5))
    for t in (np.int32, np.int64, np.uint32, np.uint64):
        case("integers", f"arithmetic_{t.__name__}", lambda a, b: (a + b, a - b, a * b, a // b, a % b, lax.div(a, b), lax.rem(a, b), a & b, a | b, a ^ b, ~a), i.astype(t), j.astype(t))
        case("integers", f"shifts_{t.__name__}", lambda a, b: (a << b, a >> b, lax.shift_right_logical(a, b), lax.shift_left(a, b * 20), lax.shift_right_arithmetic(a, b * 20), a >> 3), i.astype(t), j.astype(t))
        case("integers", f"bits_{t.__name__}", lambda a: (lax.population_count(a), lax.clz(a), a.astype(np.float64), a.astype(np.float32), a.astype(bool), a.astype(np.int32)), i.astype(t))
    case("integers", "convert", lambda x: (x.astype(np.int32), x.astype(np.uint32), x.astype(np.int64), x.astype(np.float32), (x > 0).astype(np.float64)), 1e3 * np.abs(x))
    case("integers", "bitcast", lambda x: (lax.bitcast_convert_type(x, np.int64), lax.bitcast_convert_type(x.astype(np.float32), np.uint32)), x)
    case("integers", "threefry", lambda k: jax.random.bits(jax.random.wrap_key_data(k), (5,)), np.array([1, 2], np.uint32))
    case("integers", "normal", lambda k: jax.random.normal(jax.random.wrap_key_data(k), (7,)), np.array([3, 4], np.uint32))


def reductions():
    x = normal(3, 4, 5)
    for name, f in dict(sum=jnp.sum, prod=jnp.prod, max=jnp.max, min=jnp.min).items():
        for axis in (None, 0, 1, -1, (0, 2), (1, 2)):
            case("reduce", f"{name}_{axis}", lambda x: f(x, axis=axis), x)
    case("reduce", "any_all", lambda x: (jnp.any(x > 2, 0), jnp.all(x > -2, (0, 2)), jnp.any(x > 9)), x)
    case("reduce", "arg", lambda x: (jnp.argmax(x, 1), jnp.argmin(x, -1), jnp.argmax(x), jnp.argmin(jnp.round(x), 0)), x)
    case("reduce", "arg_ints", lambda i: (jnp.argmax(i), jnp.argmin(i, 0)), RNG.integers(-3, 3, (4, 6)))
    case("reduce", "arg_f32_nan", lambda x: (jnp.argmax(x, 0), jnp.argmin(x, 1), jnp.max(x, 0)), np.where(x[0] > 1, np.nan, x[0]).astype(np.float32))
    case("reduce", "mean_var", lambda x: (jnp.mean(x), jnp.var(x, 0), jnp.std(x, (1, 2))), x)
    case("reduce", "logsumexp", lambda x: (special.logsumexp(x), special.logsumexp(x, 1), jax.nn.log_softmax(x), jax.nn.softmax(x, 0)), x)
    case("reduce", "init", lambda x: (lax.reduce(x, 2.0, lax.add, (1,)), lax.reduce(x, 0.5, lax.max, (0, 2))), x)
    case("reduce", "custom", lambda x: lax.reduce(x, 0.0, lambda a, b: a + b * 0.5, (1,)), x[0])
    case("reduce", "two", lambda x: lax.reduce((x, x * x), (0.0, 1.0), lambda a, b: (a[0] + b[0], jnp.maximum(a[1], b[1])), (0,)), x)
    case("reduce", "bits", lambda i: (lax.reduce(i, np.int32(0), lax.bitwise_or, (0,)), lax.reduce(i, np.int32(0), lax.bitwise_xor, (1,))), RNG.integers(0, 99, (3, 4)).astype(np.int32))
    case("reduce", "count", lambda x: jnp.sum(x > 0, axis=1), x)
    for tpu in (False, True):
        case("reduce", f"cumulative_{tpu}", lambda x: (jnp.cumsum(x, 0), jnp.cumsum(x, 2), lax.cumsum(x, 1, reverse=True), jnp.cumprod(x, 1), lax.cummax(x, 2)), x, tpu=tpu)
    case("reduce", "cumlogsumexp", lambda x: lax.cumlogsumexp(x, 1), x)
    case("sort", "sort", lambda x: (jnp.sort(x, 1), jnp.sort(x), jnp.sort(-x, descending=True)), x)
    case("sort", "argsort", lambda x: (jnp.argsort(x, 0), jnp.argsort(-x, descending=True), jnp.argsort(jnp.round(x), stable=True)), x)
    case("sort", "ints", lambda i: (jnp.sort(i), jnp.argsort(i)), RNG.integers(-3, 3, (3, 7)).astype(np.int32))
    case("sort", "pairs", lambda x, y: lax.sort((x, y), dimension=0, num_keys=1), x[0], x[1])
    case("sort", "nan", lambda x: (jnp.sort(x), jnp.argsort(x)), np.where(x[0] > 1, np.nan, x[0]))
    case("sort", "median", lambda x: (jnp.median(x), jnp.quantile(x, jnp.array([0.1, 0.9]), axis=1)), x)
    case("sort", "top_k", lambda x: lax.top_k(x, 3), x)


def shapes():
    x = normal(3, 4, 5)
    case("shape", "reshape", lambda x: (x.reshape(12, 5), x.ravel(), x.T, jnp.transpose(x, (1, 0, 2)), jnp.squeeze(x[:1], 0)), x)
    case("shape", "slices", lambda x: (x[1:, ::2, 1:4], x[::-1], x[..., None, 2], jnp.flip(x, (0, 2))), x)
    case("shape", "join", lambda x: (jnp.concatenate([x, 2 * x], 1), jnp.stack([x, x], 0), jnp.tile(x[0], (2, 1)), jnp.repeat(x[0, 0], 3)), x)
    case("shape", "pad", lambda x: (jnp.pad(x, 1), lax.pad(x, 7.0, ((1, 2, 1), (-1, 0, 2), (0, -2, 0))), lax.pad(x, 0.0, ((-1, -1, 1), (2, -1, 0), (-3, 1, 1)))), x)
    case("shape", "iota", lambda x: (x[0] + jnp.arange(5.0), jnp.eye(3) * x[0, 0, 0], jnp.linspace(0, x[0, 0, 0], 4), jnp.tri(4) + x[0, 0, 0]), x)
    case("shape", "diag", lambda x: (jnp.diag(x[0, 0]), jnp.diagonal(x, axis1=1, axis2=2), jnp.tril(x), jnp.triu(x[0], 1), jnp.trace(x[0])), x)
    case("shape", "dynamic", lambda x, i: (lax.dynamic_slice(x, (i, 0, i), (2, 2, 2)), lax.dynamic_update_slice(x, x[:1, :2], (i, i, 1)), x[i], lax.dynamic_index_in_dim(x, i, 1)), x, 2)
    case("shape", "broadcast", lambda x: (jnp.broadcast_to(x[0, 0], (2, 5)), lax.broadcast_in_dim(x[0], (5, 2, 4), (2, 0))), x)
    case("shape", "constants", lambda x: x[0, 0] + np.arange(5.0) * np.pi + np.array([1, np.inf, -0.0, 1e-300, 2]), x)
    case("shape", "large_constant", lambda x: (x[0, 0, 0] + CONSTANT, jnp.zeros((40, 50)) + x[0, 0, 0]), x)
    case("shape", "bool_constant", lambda x: jnp.where(BOOLS, x[0, 0, 0], 0.0), x)


CONSTANT, BOOLS = RNG.normal(size=(10, 6)), RNG.normal(size=(5, 7)) > 0


def indexing():
    x, i, j = normal(5, 4), np.array([0, 3, 3, -1]), np.array([1, 0, 0, 3])
    case("index", "gather", lambda x, i: (x[i], x[:, i], x[i, i % 4], x[i[:2]][:, i[2:]]), x, i)
    case("index", "gather_i32", lambda x, i: (x[i], jnp.take(x, i, axis=1, mode="clip"), jnp.take(x, i, axis=0, mode="fill")), x, i.astype(np.int32))
    case("index", "grid", lambda x, i, j: (x[i[:, None], j[None]], x[jnp.ix_(i, j)], x.T[j]), x, i, j)
    case("index", "take_along", lambda x, i: (jnp.take_along_axis(x, i[None] % 4, 1), jnp.take_along_axis(x, jnp.argsort(x, 0), 0)), x, np.abs(i))
    case("index", "three", lambda x, i, j: (x[:, i, 1], x[i, :, j], x[..., j]), normal(4, 4, 4), np.abs(i), j)
    case("index", "add", lambda x, i, j: (x.at[i].add(1.5), x.at[:, j].add(2.0), x.at[i, j].add(jnp.arange(4.0)), x.at[1].add(1.0)), x, i, j)
    case("index", "set", lambda x, i: (x.at[i].set(1.5), x.at[:, 1].set(2.0), x.at[2, 3].set(7.0), x.at[1:3].set(0.0)), x, np.array([0, 2, 4]))
    case("index", "set_dynamic", lambda x, k: (x.at[k].set(1.5), x.at[:, k].set(jnp.arange(5.0)), x.at[k, 1].add(3.0), x.at[k + 9].add(1.0)), x, 2)
    far, off = np.array([0, 9, 2, 4, 1]), np.array([1, 0, 7, 3, 1])
    case("index", "out_of_range", lambda x, i, j: (x.at[i, j].add(1.0), x.at[i, j].set(2.0), x.at[i].add(1.0), x[i, j], x.at[i, j].get(mode="fill", fill_value=0.0)), x, far, off)
    case("index", "window_out_of_range", lambda x, i: lax.scatter_add(x, i[:, None], jnp.ones((5, 2, 4)), lax.ScatterDimensionNumbers((1, 2), (), (0,)), mode=lax.GatherScatterMode.FILL_OR_DROP), x, far)
    case("index", "gradient", jax.grad(lambda x, i: jnp.sum(jnp.sin(x[i]) * x[i, :1])), x, i)
    case("index", "gradient_columns", jax.grad(lambda x, i: jnp.sum(x[:, i] ** 2)), x, i)
    case("index", "segment_sum", lambda x, i: jax.ops.segment_sum(x[:4], i, 6), x, np.array([2, 0, 2, 5]))
    case("index", "one_hot", lambda i: jax.nn.one_hot(i, 5), np.abs(i))
    case("index", "vmap_slice", lambda x, i: jax.vmap(lambda r, k: lax.dynamic_slice(r, (k,), (2,)))(x[:4], i), x, j)
    case("index", "vmap_gather", lambda x, i: jax.vmap(lambda r, k: r[k])(x[:4], i[None] + jnp.arange(4)[:, None] * 0), x, j)
    case("index", "vmap_update", lambda x, i: jax.vmap(lambda r, k: lax.dynamic_update_slice(r, jnp.ones(2), (k,)))(x[:4], i), x, j)
    case("index", "vmap_add", lambda x, i: jax.vmap(lambda r, k: r.at[k].add(1.0))(x[:4], jnp.stack([i, i, i + 1, i])), x, j)
    case("index", "searchsorted", lambda x, y: jnp.searchsorted(jnp.sort(x), y), x[:, 0], x[:, 1])


def linalg():
    a, b, v = normal(4, 3), normal(3, 5), normal(3)
    case("linalg", "dot", lambda a, b, v: (a @ b, a @ v, v @ v, jnp.outer(v, v), jnp.dot(v, b)), a, b, v)
    x, y = normal(2, 3, 4), normal(2, 4, 3)
    case("linalg", "batched", lambda x, y: (x @ y, jnp.einsum("bij,bkj->bik", x, x), jnp.einsum("bij,bji->b", x, y), jnp.einsum("bij,bkl->ijkl", x, y), jnp.tensordot(x, y, ([1, 2], [2, 1]))), x, y)
    case("linalg", "dot_general", lambda x, y: (lax.dot_general(x, y, (((2,), (1,)), ((0,), (0,)))), lax.dot_general(x, y, (((0, 2), (0, 1)), ((), ()))), lax.dot_general(x, y, (((), ()), ((), ())))), x, y)
    case("linalg", "dot_ints", lambda i: (i @ i.T, i.astype(np.float32) @ i.T.astype(np.float32)), RNG.integers(-5, 5, (3, 4)))
    s, t = spd(4), normal(4, 2)
    case("linalg", "cholesky", jnp.linalg.cholesky, s, tpu=True)
    case("linalg", "cholesky_batched", jnp.linalg.cholesky, np.stack([spd(3), spd(3)]), tpu=True)
    case("linalg", "cholesky_upper", lambda s: jnp.linalg.cholesky(s, upper=True), s, tpu=True)
    for lower in (False, True):
        for trans in (0, 1):
            case("linalg", f"triangular_{lower}_{trans}", lambda s, t: jax.scipy.linalg.solve_triangular(s, t, lower=lower, trans=trans), s, t, tpu=True)
    case("linalg", "triangular_right", lambda s, t: lax.linalg.triangular_solve(s, t.T, left_side=False, lower=True, unit_diagonal=True), s, t, tpu=True)
    case("linalg", "cho_solve", lambda s, t: jax.scipy.linalg.cho_solve((jnp.linalg.cholesky(s), True), t), s, t, tpu=True)
    case("linalg", "cholesky_gradient", jax.grad(lambda s: jnp.sum(jnp.sin(jnp.linalg.cholesky(s)))), s, tpu=True)
    case("linalg", "mvn", lambda x, m, s: jax.value_and_grad(jax.scipy.stats.multivariate_normal.logpdf, argnums=(0, 1, 2))(x, m, s), normal(4), normal(4), s, tpu=True)

    def gp(theta, x, y):
        k = jnp.exp(theta[0] - 0.5 * (x[:, None] - x[None]) ** 2 * jnp.exp(-2 * theta[1])) + (1e-6 + jnp.exp(theta[2])) * jnp.eye(len(x))
        l = jnp.linalg.cholesky(k)
        z = jax.scipy.linalg.solve_triangular(l, y, lower=True)
        return -0.5 * z @ z - jnp.sum(jnp.log(jnp.diagonal(l))) - 0.5 * theta @ theta

    case("linalg", "gp", jax.value_and_grad(gp), np.array([0.1, -0.2, -1.0]), normal(8), normal(8), tpu=True)


def control():
    x = normal(4)
    case("control", "while", lambda x: lax.while_loop(lambda c: (c[0] < 7) & (jnp.sum(c[1]) < 50), lambda c: (c[0] + 1, c[1] * 1.5 + x), (0, jnp.abs(x))), x)
    case("control", "fori", lambda x, n: lax.fori_loop(0, n, lambda i, c: c + jnp.sin(c) * i, x), x, 5)
    case("control", "scan", lambda x: lax.scan(lambda c, r: (c + r, (c * r, r > c)), 0.5, x), x)
    case("control", "scan_reverse", lambda x: lax.scan(lambda c, r: (jnp.tanh(c) + r, c), jnp.zeros(2), jnp.stack([x, 2 * x], 1), reverse=True), x)
    case("control", "scan_gradient", jax.value_and_grad(lambda x: lax.scan(lambda c, r: (jnp.sin(c * r), c), 0.5, x)[0]), x)
    case("control", "cond", lambda x: (lax.cond(x[0] > 0, jnp.sin, jnp.cos, x), lax.cond(x[1] > 0, lambda: x * 2, lambda: x - 1)), x)
    for k in (-1, 0, 1, 2, 9):
        case("control", f"switch_{k}", lambda k, x: lax.switch(k, [jnp.sin, jnp.cos, lambda x: x * x], x), k, x)
    case("control", "nested", lambda x: lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, lax.fori_loop(0, c[0], lambda i, z: z + x * i, c[1])), (0, x))[1], x)
    case("control", "map", lambda x: lax.map(lambda r: lax.cond(r > 0, jnp.exp, jnp.abs, r), x), x)
    case("control", "associative", lambda x: lax.associative_scan(lambda a, b: a * b + b, x), x)
    inner = jax.jit(lambda x, y: jnp.sin(x) + y)
    case("control", "jits", lambda x: inner(inner(x, 1.0), jax.jit(jnp.cumsum)(x)), x)
    case("control", "plain_text", jax.value_and_grad(lambda x: jnp.sum(inner(x, x) ** 2) + special.logsumexp(x)), x, plain=True)

    def schools(p, y, s):
        mu, tau, z = p["mu"], jnp.exp(p["log_tau"]), p["z"]
        n = jax.scipy.stats.norm.logpdf
        return n(mu, 0, 5) + jax.scipy.stats.cauchy.logpdf(tau, 0, 5) + p["log_tau"] + n(z).sum() + n(y, mu + tau * z, s).sum()

    y, s = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    case("control", "schools", lambda m, t, z, y, s: jax.value_and_grad(schools)({"mu": m, "log_tau": t, "z": z}, y, s), 0.3, -0.2, normal(8), y, s)


for build in (elementwise, reductions, shapes, indexing, linalg, control):
    build()
os.makedirs("jax", exist_ok=True)
for group, cases in CASES.items():
    with open(f"jax/{group}.json.gz", "wb") as out, gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed:
        packed.write(json.dumps(cases).encode())
