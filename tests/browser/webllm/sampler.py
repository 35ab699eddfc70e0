"""How WebLLM picks the next token on the GPU: sort the probabilities, and take one out of the most likely ones.

The engine looks these functions up by name in the model library and calls them for every token. Sorting is by rank,
each against each, which a vocabulary of 512 allows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tvm import ir, relax, te, tirx

from .shape import VOCABULARY

UNUSED = {"apply_bitmask_inplace": 3, "apply_penalty_inplace": 6, "apply_logit_bias_inplace": 4}
"""Grammars, penalties and logit biases: they are looked up, but this model must not be asked for them."""


ONE, ZERO, NOTHING = tirx.const(1, "int32"), tirx.const(0, "int32"), tirx.const(0.0, "float32")


def with_sampler(module: Any, metadata: Mapping[str, Any]) -> Any:
    """Return `module` with the sampler's functions, and with the metadata that the engine reads from it."""
    builder = relax.BlockBuilder(module)
    _sort(builder)
    _sample(builder)
    for name, n_arguments in UNUSED.items():
        arguments = [relax.Var(f"argument_{at}", relax.AnyType()) for at in range(n_arguments)]
        with builder.function(name, arguments):
            builder.emit_func_output(arguments[0])
    with builder.function("_metadata", []):
        builder.emit_func_output(ir.StringImm(json.dumps(metadata)))
    return builder.finalize()


def _row(name: str, dtype: str, *shape: int) -> Any:
    return relax.Var(name, relax.TensorType(shape or (1, VOCABULARY), dtype))


def _sum(value: Callable[[Any, Any], Any], name: str, *, width: int = VOCABULARY) -> Any:
    """Return the row whose item i is the sum of value(i, j) over the vocabulary."""
    j = te.reduce_axis((0, VOCABULARY), "j")
    return te.compute((1, width), lambda _, i: te.sum(value(i, j), axis=j), name=name)


def _sort(builder: Any) -> None:
    def rank(p: Any) -> Any:
        def is_above(j: Any, i: Any) -> Any:
            return tirx.any(p[0, j] > p[0, i], tirx.all(p[0, j] == p[0, i], j < i))

        return _sum(lambda i, j: tirx.Select(is_above(j, i), ONE, ZERO), "rank")

    def values(p: Any, ranks: Any) -> Any:
        return _sum(lambda i, j: tirx.Select(ranks[0, j] == i, p[0, j], NOTHING), "values")

    def indices(ranks: Any) -> Any:
        return _sum(lambda i, j: tirx.Select(ranks[0, j] == i, j, ZERO), "indices")

    probs = _row("probs", "float32")
    with builder.function("argsort_probs", [probs]):
        with builder.dataflow():
            ranks = builder.emit_te(rank, probs)
            found = (builder.emit_te(values, probs, ranks), builder.emit_te(indices, ranks))
            output = builder.emit_output(relax.Tuple(found))
        builder.emit_func_output(output)


def _sample(builder: Any) -> None:
    def sums(probs: Any) -> Any:
        return _sum(lambda i, j: tirx.Select(j <= i, probs[0, j], NOTHING), "sums")

    def mass(probs: Any, sums: Any, top_p: Any) -> Any:
        return _sum(
            lambda _, j: tirx.Select(sums[0, j] - probs[0, j] < top_p[0], probs[0, j], NOTHING), "mass", width=1
        )

    def place(sums: Any, mass: Any, uniform: Any) -> Any:
        return _sum(lambda _, j: tirx.Select(sums[0, j] < uniform[0] * mass[0, 0], ONE, ZERO), "place", width=1)

    def token(indices: Any, place: Any) -> Any:
        j = te.reduce_axis((0, VOCABULARY), "j")
        at = tirx.min(place[0, 0], tirx.const(VOCABULARY - 1, "int32"))
        return te.compute((1,), lambda _: te.sum(tirx.Select(j == at, indices[0, j], ZERO), axis=j), name="token")

    probs, indices = _row("sorted_probs", "float32"), _row("sorted_indices", "int32")
    uniform, top_p = _row("uniform", "float32", 1), _row("top_p", "float32", 1)
    with builder.function("sample_with_top_p", [probs, indices, uniform, _row("sample_indices", "int32", 1), top_p]):
        with builder.dataflow():
            summed = builder.emit_te(sums, probs)
            weight = builder.emit_te(mass, probs, summed, top_p)
            found = builder.emit_te(place, summed, weight, uniform)
            output = builder.emit_output(builder.emit_te(token, indices, found))
        builder.emit_func_output(output)
