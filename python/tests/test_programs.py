"""What the programs compute, when JAX runs them again, is what NumPyro computes."""


import jax.numpy as jnp
import numpy as np

from drey_export.lowering import Programs, spec


def test_columns_are_passed_in_order():
    programs = Programs({"b": np.arange(3.0), "a": np.ones((3, 20))})
    big = np.arange(20.0)
    programs.add("f", lambda q, data: {"y": data["a"] @ big + data["b"] + q}, [spec((3,), "float64")])
    assert list(programs.data) == ["b", "a", "constant_0"]
    text, outputs = programs.lower()[0]["f"]
    assert outputs == ["y"]
    assert "%arg0: tensor<3xf64>, %arg1: tensor<3xf64>, %arg2: tensor<3x20xf64>, %arg3: tensor<20xf64>" in text


def test_a_column_that_only_one_program_closes_over_is_a_parameter_of_all():
    programs = Programs({})
    big = np.arange(20.0)
    programs.add("f", lambda q, data: {"y": q}, [spec((), "float64")])
    programs.add("g", lambda q, data: {"y": q * big}, [spec((), "float64")])
    for text, _ in programs.lower()[0].values():
        assert "%arg1: tensor<20xf64>" in text


def test_what_no_result_needs_is_left_out():
    programs = Programs({})
    big = np.arange(20.0)

    def f(q, data):
        jnp.linalg.eigvalsh(jnp.outer(big, big) * q)
        return {"y": q + 1}

    programs.add("f", f, [spec((), "float64")])
    assert list(programs.data) == []
    assert "custom_call" not in programs.lower()[0]["f"][0]
