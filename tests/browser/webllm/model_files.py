"""The files of a model as WebLLM fetches them: tokenizer, weights, configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from . import shape
from .corpus import questions, turn

FILES = "resolve/main"
"""Where in a model's folder the engine looks for its files, as on a model hub."""
SHARD = "params_shard_0.bin"


def tokenizer_of() -> Tokenizer:
    """Return a byte-level BPE tokenizer, trained on all that the model is taught."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=shape.VOCABULARY,
        special_tokens=shape.SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=1,
        show_progress=False,
    )
    tokenizer.train_from_iterator([turn(*known) for known in questions()], trainer)
    return tokenizer


def write_model(folder: Path, tokenizer: Tokenizer, weights: Mapping[str, Any]) -> None:
    """Write everything but the library into `folder`."""
    files = folder / FILES
    files.mkdir(parents=True)
    tokenizer.save(str(files / "tokenizer.json"))
    (files / "mlc-chat-config.json").write_text(json.dumps(_chat_config()))
    data, records = b"", []
    for name, sizes in shape.parameters().items():
        value = weights[name].astype("<f4").tobytes()
        record = {"name": name, "shape": list(sizes), "dtype": "float32", "format": "raw"}
        records.append({**record, "nbytes": len(value), "byteOffset": len(data)})
        data += value
    (files / SHARD).write_bytes(data)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()  # the format's own choice
    shard = {"dataPath": SHARD, "format": "raw-shard", "nbytes": len(data), "records": records, "md5sum": digest}
    index = {
        "metadata": {"ParamSize": len(records), "ParamBytes": len(data), "BitsPerParam": 32.0},
        "records": [shard],
    }
    (files / "tensor-cache.json").write_text(json.dumps(index))


def _chat_config() -> dict[str, Any]:
    sizes = {
        "vocab_size": shape.VOCABULARY,
        "context_window_size": shape.CONTEXT,
        "prefill_chunk_size": shape.PREFILL,
    }
    return {
        "version": "0.1.0",
        "model_type": "llama",
        "quantization": "q0f32",
        "model_config": sizes,
        **sizes,
        "sliding_window_size": -1,
        "attention_sink_size": -1,
        "tensor_parallel_shards": 1,
        "temperature": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "top_p": 0.95,
        "tokenizer_files": ["tokenizer.json"],
        "tokenizer_info": {
            "token_postproc_method": "byte_level",
            "prepend_space_in_encode": False,
            "strip_space_in_decode": False,
        },
        "conv_template": _template(),
        "pad_token_id": shape.PAD,
        "bos_token_id": shape.PAD,
        "eos_token_id": [shape.END],
    }


def _template() -> dict[str, Any]:
    """Return the engine's description of what `corpus.turn` writes."""
    _, begin, end = shape.SPECIAL
    return {
        "name": "chatml",
        "system_template": "{system_message}",
        "system_message": "",
        "system_prefix_token_ids": None,
        "add_role_after_system_message": True,
        "roles": {"user": f"{begin}user", "assistant": f"{begin}assistant"},
        "role_templates": {"user": "{user_message}", "assistant": "{assistant_message}", "tool": "{tool_message}"},
        "messages": [],
        "seps": [f"{end}\n"],
        "role_content_sep": "\n",
        "role_empty_sep": "\n",
        "stop_str": [end],
        "stop_token_ids": [shape.PAD, shape.END],
        "function_string": "",
        "use_function_calling": False,
    }
