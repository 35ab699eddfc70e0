"""The tiny model as TVM compiles it: a transformer like Llama, and the functions that WebLLM's engine calls by name."""

from __future__ import annotations

from typing import Any

from tvm import relax, te
from tvm.relax.frontend import nn
from tvm.relax.frontend.nn import op, spec
from tvm.relax.frontend.nn.llm.kv_cache import PagedKVCache, RopeMode, TIRPagedKVCache

from . import shape
from .shape import EPSILON, HEAD, HEADS, INNER, LAYERS, VOCABULARY, WIDTH


class _Attention(nn.Module):
    def __init__(self) -> None:
        self.qkv = nn.Linear(WIDTH, 3 * HEADS * HEAD, bias=False)
        self.out = nn.Linear(HEADS * HEAD, WIDTH, bias=False)

    def forward(self, x: Any, cache: Any, layer: int) -> Any:
        n_sequences, n_tokens, _ = x.shape
        qkv = op.reshape(self.qkv(x), (n_sequences, n_tokens, 3 * HEADS, HEAD))
        seen = cache.attention_with_fused_qkv(layer, qkv, HEADS, sm_scale=HEAD**-0.5)
        return self.out(op.reshape(seen, (n_sequences, n_tokens, HEADS * HEAD)))


class _Gated(nn.Module):
    def __init__(self) -> None:
        self.gate = nn.Linear(WIDTH, INNER, bias=False)
        self.up = nn.Linear(WIDTH, INNER, bias=False)
        self.down = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x: Any) -> Any:
        return self.down(op.silu(self.gate(x)) * self.up(x))


class _Layer(nn.Module):
    def __init__(self) -> None:
        self.attention = _Attention()
        self.gated = _Gated()
        self.norm_1 = nn.RMSNorm(WIDTH, -1, EPSILON, bias=False)
        self.norm_2 = nn.RMSNorm(WIDTH, -1, EPSILON, bias=False)

    def forward(self, x: Any, cache: Any, layer: int) -> Any:
        x = x + self.attention(self.norm_1(x), cache, layer)
        return x + self.gated(self.norm_2(x))


class Network(nn.Module):
    """The model; its public methods are those that the engine calls."""

    def __init__(self, target: Any) -> None:
        self.embed_tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList([_Layer() for _ in range(LAYERS)])
        self.norm = nn.RMSNorm(WIDTH, -1, EPSILON, bias=False)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self._target = target

    def embed(self, input_ids: Any) -> Any:
        return self.embed_tokens(input_ids)

    def prefill(self, input_embed: Any, paged_kv_cache: Any) -> Any:
        hidden = op.tensor_expr_op(_last, name_hint="last", args=[self._run(input_embed, paged_kv_cache)])
        return self.lm_head(hidden), paged_kv_cache

    def decode(self, input_embed: Any, paged_kv_cache: Any) -> Any:
        return self.lm_head(self._run(input_embed, paged_kv_cache)), paged_kv_cache

    def softmax_with_temperature(self, logits: Any, temperature: Any) -> Any:
        return op.softmax(logits / op.reshape(temperature, (logits.shape[0], 1, 1)), axis=-1)

    def create_tir_paged_kv_cache(
        self,
        max_batch_size: Any,
        max_total_seq_len: Any,
        prefill_chunk_size: Any,
        page_size: Any,
        support_sliding_window: Any,
    ) -> Any:
        return TIRPagedKVCache(
            max_batch_size=max_batch_size,
            max_total_seq_len=max_total_seq_len,
            prefill_chunk_size=prefill_chunk_size,
            page_size=page_size,
            support_sliding_window=support_sliding_window,
            attn_kind="mha",
            layer_partition=relax.ShapeExpr([0, LAYERS]),
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            qk_head_dim=HEAD,
            v_head_dim=HEAD,
            mla_original_qk_head_dim=0,
            mla_original_v_head_dim=0,
            rope_mode=RopeMode.NORMAL,
            rope_scale=1,
            rope_theta=shape.ROPE_THETA,
            rope_scaling={},
            rope_ext_factors=relax.prim_value(0),
            rotary_dim=HEAD,
            enable_disaggregation=False,
            dtype="float32",
            target=self._target,
        )

    def _run(self, x: Any, cache: Any) -> Any:
        for index, layer in enumerate(self.layers):
            x = layer(x, cache, index)
        return self.norm(x)


def _last(x: Any) -> Any:
    n_sequences, n_tokens, width = x.shape
    return te.compute((n_sequences, 1, width), lambda i, _, k: x[i, n_tokens - 1, k], name="last")


def exported(target: Any) -> tuple[Any, list[Any]]:
    """Return the network as a module of TVM's, and its parameters."""
    network = Network(target)
    network.to("float32")
    cache = spec.Object(object_type=PagedKVCache)
    packed = {"param_mode": "packed", "effect_mode": "none"}
    bare = {"param_mode": "none", "effect_mode": "none"}
    sizes = ("max_batch_size", "max_total_seq_len", "prefill_chunk_size", "page_size", "support_sliding_window")
    functions = {
        "embed": {"input_ids": spec.Tensor(["seq_len"], "int32"), "$": packed},
        "prefill": {
            "input_embed": spec.Tensor([1, "seq_len", WIDTH], "float32"),
            "paged_kv_cache": cache,
            "$": packed,
        },
        "decode": {"input_embed": spec.Tensor([1, 1, WIDTH], "float32"), "paged_kv_cache": cache, "$": packed},
        "softmax_with_temperature": {
            "logits": spec.Tensor(["batch", 1, VOCABULARY], "float32"),
            "temperature": spec.Tensor(["batch"], "float32"),
            "$": bare,
        },
        "create_tir_paged_kv_cache": {**dict.fromkeys(sizes, int), "$": bare},
    }
    with target:
        module, params = network.export_tvm(spec=functions, allow_extern=False)[:2]
    return module, params
