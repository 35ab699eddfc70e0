"""Train the tiny model: Llama's forward pass in numpy, its gradient by autograd, Adam.

What `network.py` says to TVM is said here again: the weights come from here, and the engine's kernels must agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import autograd.numpy as np
from autograd import value_and_grad
from tokenizers import Tokenizer

from . import shape
from .corpus import conversations
from .shape import EPSILON, HEAD, HEADS, LAYERS

STEPS = 400
BATCH = 12
LENGTH = 112  # tokens
RATE = 3e-3
SEED = 20
MASKED = np.float32(-1e9)

Weights = dict[str, Any]


def trained(tokenizer: Tokenizer, steps: int = STEPS) -> Weights:
    """Return the weights after training; it takes about a minute on two cores."""
    random = Random(SEED)
    weights = _drawn(np.random.RandomState(SEED))
    first: Weights = {name: np.zeros_like(w) for name, w in weights.items()}
    second: Weights = {name: np.zeros_like(w) for name, w in weights.items()}
    step_of = value_and_grad(_loss)
    for step, batch in zip(range(1, steps + 1), _batches(tokenizer, random), strict=False):
        loss, gradient = step_of(weights, batch)
        rate = RATE * min(1, step / 50) * 0.5 * (1 + np.cos(np.pi * step / (steps + 1)))
        for name, g in gradient.items():
            first[name] += np.float32(0.1) * (g - first[name])
            second[name] += np.float32(0.02) * (g * g - second[name])
            mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.98**step)
            weights[name] = (weights[name] - rate * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)
        if step % 100 == 0:
            print(f"step {step} of {steps}: loss {loss:.4f}", flush=True)
    return weights


def logits(weights: Weights, tokens: Any) -> Any:
    """Return what the model expects after each of `tokens`, of shape (batch, length): (batch, length, vocabulary)."""
    x = weights["embed_tokens.weight"][tokens]
    for layer in range(LAYERS):
        own = {name.removeprefix(f"layers.{layer}."): w for name, w in weights.items() if f"layers.{layer}." in name}
        x = x + _attend(own, _norm(x, own["norm_1.weight"]))
        y = _norm(x, own["norm_2.weight"])
        gate = y @ own["gated.gate.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * (y @ own["gated.up.weight"].T)) @ own["gated.down.weight"].T
    return _norm(x, weights["norm.weight"]) @ weights["lm_head.weight"].T


def _attend(own: Weights, x: Any) -> Any:
    n, length, _ = x.shape
    qkv = np.transpose(np.reshape(x @ own["attention.qkv.weight"].T, (n, length, 3, HEADS, HEAD)), (2, 0, 3, 1, 4))
    query, key, value = _rotated(qkv[0]), _rotated(qkv[1]), qkv[2]
    scores = query @ np.swapaxes(key, -1, -2) * np.float32(HEAD**-0.5)
    scores = scores + np.triu(np.full((length, length), MASKED, dtype=np.float32), 1)
    scores = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    seen = scores / np.sum(scores, axis=-1, keepdims=True) @ value
    return np.reshape(np.transpose(seen, (0, 2, 1, 3)), (n, length, HEADS * HEAD)) @ own["attention.out.weight"].T


def _rotated(x: Any) -> Any:
    """Return queries or keys turned by their place, as RoPE does it: the first half of a head pairs with the second."""
    half = HEAD // 2
    angles = np.outer(np.arange(x.shape[-2]), shape.ROPE_THETA ** (-np.arange(half) / half))
    cos, sin = (np.concatenate((f(angles), f(angles)), -1).astype(np.float32) for f in (np.cos, np.sin))
    return x * cos + np.concatenate((-x[..., half:], x[..., :half]), -1) * sin


def _norm(x: Any, weight: Any) -> Any:
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(EPSILON)) * weight


def _loss(weights: Weights, batch: tuple[Any, Any]) -> Any:
    tokens, counted = batch
    found = logits(weights, tokens[:, :-1])
    found = found - np.max(found, axis=-1, keepdims=True)
    total = np.log(np.sum(np.exp(found), axis=-1))
    rows, columns = np.indices(tokens[:, 1:].shape)
    return np.sum((total - found[rows, columns, tokens[:, 1:]]) * counted) / np.sum(counted)


def _batches(tokenizer: Tokenizer, random: Random) -> Iterator[tuple[Any, Any]]:
    """Yield tokens and which of those after the first count: the answers alone are learnt."""
    texts = conversations(random)
    while True:
        tokens = np.full((BATCH, LENGTH + 1), shape.PAD)
        counted = np.zeros((BATCH, LENGTH), dtype=np.float32)
        for row in range(BATCH):
            ids = tokenizer.encode(next(texts)).ids[: LENGTH + 1]
            tokens[row, : len(ids)] = ids
            counted[row, : len(ids) - 1] = _answers(ids)[1:]
        yield tokens, counted


def _answers(ids: list[int]) -> list[bool]:
    """Tell of each token whether it is the model's to say: every second turn, with the mark of its end."""
    turns, learnt = 0, []
    for at, token in enumerate(ids):
        learnt.append(turns > 0 and turns % 2 == 0 and ids[at - 1] != shape.END)
        turns += token == shape.TURN
    return learnt


def _drawn(random: Any) -> Weights:
    def draw(name: str, sizes: tuple[int, ...]) -> Any:
        if len(sizes) == 1:
            return np.ones(sizes, dtype=np.float32)
        scale = 0.02 if name.startswith("embed") else sizes[1] ** -0.5
        return (random.standard_normal(sizes) * scale).astype(np.float32)

    return {name: draw(name, sizes) for name, sizes in shape.parameters().items()}
