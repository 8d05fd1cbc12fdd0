"""From functions of JAX arrays to StableHLO text whose parameters are what the file stores as data."""

import re

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
from jax.interpreters import partial_eval

from drey_export.errors import ExportError

# For a platform that it does not know, JAX writes everything as operations of StableHLO; for those that it knows it writes calls
# of libraries too, LAPACK's for example, which only its own runtimes have.
PLATFORM = "drey"

# An array that a function closes over becomes data of the file from this size on; smaller ones stay constants, which
# a compiler can fold.
HOISTED_ELEMENTS = 17

DTYPES = {"bool": "bool", "int32": "i32", "int64": "i64", "uint32": "u32", "uint64": "u64", "float32": "f32", "float64": "f64"}


def dtype_name(dtype):
    """The name of a dtype in a program file."""
    name = DTYPES.get(np.dtype(dtype).name)
    if name is None:
        raise ExportError(f"dtype {np.dtype(dtype).name} has no place in a program: use one of {', '.join(DTYPES)}")
    return name


def spec(shape, dtype):
    """The type of an argument."""
    return jax.ShapeDtypeStruct(tuple(shape), dtype)


class Programs:
    """Programs that share their data.

    data maps the names of columns to arrays; given are those that functions get, whatever they hold. add traces a program; lower writes all of them, each a function of its own
    arguments and then every column in order, those that a program only closes over included.
    """

    def __init__(self, data):
        self.data = {name: np.asarray(x) for name, x in data.items()}
        self.given = list(self.data)
        self._traced = {}

    def given_data(self):
        """The types of the columns that functions get, by name."""
        return {column: spec(self.data[column].shape, self.data[column].dtype) for column in self.given}

    def add(self, name, function, arguments):
        """Traces function(*arguments, data), which returns a dict of results, as the program `name`."""
        outputs = []

        def flat(*args):
            results = function(*args)
            outputs.extend(results)
            return list(results.values())

        closed = jax.make_jaxpr(flat)(*arguments, self.given_data())
        closed = _used(closed)
        constants = [self._hoist(np.asarray(c)) for c in closed.consts]
        self._traced[name] = (closed, constants, arguments, outputs)
        return dict(zip(outputs, closed.out_avals))

    def _hoist(self, constant):
        """The column of a closed-over array, or a function that makes the array where it is small or of one number."""
        if constant.size < HOISTED_ELEMENTS or constant.dtype.name not in DTYPES:
            return lambda: constant
        if constant.tobytes() == constant.ravel()[:1].tobytes() * constant.size:
            return lambda: jnp.full(constant.shape, constant.flat[0], constant.dtype)
        for name, column in self.data.items():
            if column.dtype == constant.dtype and np.array_equal(column, constant, equal_nan=constant.dtype.kind == "f"):
                return name
        taken = [name for name in self.data if re.fullmatch(r"constant_\d+", name)]
        name = f"constant_{len(taken)}"
        self.data[name] = constant
        return name

    def drop_unused(self):
        """Forgets columns that are no argument and that no program closes over."""
        used = {c for _, constants, _, _ in self._traced.values() for c in constants if isinstance(c, str)}
        self.data = {name: x for name, x in self.data.items() if name in self.given or name in used}

    def lower(self, optional=()):
        """The programs by name, (StableHLO text, names of the results), and why some of the optional ones can't be written."""
        written, refused = {}, {}
        for name, traced in self._traced.items():
            try:
                written[name] = (self._text(name, *traced), traced[3])
            except ExportError as e:
                if name not in optional:
                    raise
                refused[name] = str(e)
        return written, refused

    def _text(self, name, closed, constants, arguments, _):
        names = list(self.data)
        given = [names.index(column) for column in sorted(self.given)]  # the order in which JAX flattens a dict

        def program(*args):
            own, columns = args[: len(arguments)], args[len(arguments) :]
            filled = [columns[names.index(c)] if isinstance(c, str) else c() for c in constants]
            body = jax.extend.core.jaxpr_as_fun(jax.extend.core.ClosedJaxpr(closed.jaxpr, filled))
            return body(*own, *(columns[i] for i in given))

        program.__name__ = name
        columns = [spec(x.shape, x.dtype) for x in self.data.values()]
        traced = jax.jit(program, keep_unused=True).trace(*arguments, *columns)
        try:
            text = traced.lower(lowering_platforms=(PLATFORM,)).as_text()
        except (NotImplementedError, ValueError) as e:  # how JAX says that a platform lacks an operation
            missing = re.findall(r"primitive '(\w+)'", str(e))
            raise _foreign(name, missing or [str(e)]) from e
        foreign = sorted(set(re.findall(r"custom_call @([\w.]+)", text)) - {"Sharding"})
        if foreign:
            raise _foreign(name, foreign)
        return text


def _foreign(name, operations):
    return ExportError(
        f"the program {name} calls {', '.join(operations)}, which StableHLO has no operation for: write the model without "
        "it (a determinant or an inverse from a Cholesky factor, for example)"
    )


def _used(closed):
    """The program without what no result needs, such as the checks of parameters that NumPyro makes."""
    inputs = [False] * len(closed.consts) + [True] * len(closed.jaxpr.invars)
    jaxpr, used, _ = partial_eval.dce_jaxpr_consts(closed.jaxpr, [True] * len(closed.jaxpr.outvars), inputs)
    return jax.extend.core.ClosedJaxpr(jaxpr, [c for c, kept in zip(closed.consts, used) if kept])
