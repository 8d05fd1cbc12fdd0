"""A model's arguments as data: arrays become columns with names, everything else stays as it is."""

import inspect

import jax
import numpy as np

from drey_export.errors import ExportError

# What JAX stores in fewer bits than a program's smallest integers.
_WIDER = {"int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32", "float16": "float32"}


class Arguments:
    """The arguments of a call of model, taken apart into named arrays (columns) and the rest."""

    def __init__(self, model, args, kwargs):
        self._leaves, self._tree = jax.tree_util.tree_flatten((tuple(args), dict(kwargs)))
        paths = [path for path, _ in jax.tree_util.tree_flatten_with_path((tuple(args), dict(kwargs)))[0]]
        names = _names(model, len(args))
        self.columns, self._places = {}, {}
        for i, (path, leaf) in enumerate(zip(paths, self._leaves)):
            if isinstance(leaf, (np.ndarray, jax.Array)):
                name = names[path[1].idx] if path[0].idx == 0 else str(path[1].key)
                if path[2:]:
                    name += "." + jax.tree_util.keystr(path[2:], simple=True, separator=".")
                self.columns[name] = _column(name, leaf)
                self._places[name] = i

    def call(self, columns):
        """(args, kwargs) with these columns in the place of their arrays, and all other arrays as they are."""
        leaves = list(self._leaves)
        for name, x in columns.items():
            leaves[self._places[name]] = x
        return jax.tree_util.tree_unflatten(self._tree, leaves)


def _column(name, leaf):
    x = np.asarray(leaf)
    if x.dtype.name in _WIDER:
        x = x.astype(_WIDER[x.dtype.name])
    # JAX makes 64-bit arrays 32-bit ones where x64 is off.
    x = x.astype(jax.dtypes.canonicalize_dtype(x.dtype)) if x.dtype.kind in "biuf" else x
    if x.dtype.kind not in "biuf":
        raise ExportError(f"the argument {name} holds {x.dtype}: give numbers or booleans")
    return x


def _names(model, count):
    """Names of positional arguments: the model's own, where its signature can be seen through handlers."""
    function = model
    while not inspect.isroutine(function) and getattr(function, "fn", None) is not None:
        function = function.fn
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = []
    for p in parameters:
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return names[:count] + [f"argument_{i}" for i in range(len(names), count)]
