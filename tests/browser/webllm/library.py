"""Compile the tiny model to a WebGPU model library for WebLLM, from the packages apache-tvm and emscripten alone.

Two halves are linked: TVM's runtime, whose sources the apache-tvm wheel ships (without a few headers, which are in
`runtime/`), and the model's kernels with the bytecode that calls them. The half for remote calls is left out.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import tvm
import tvm_ffi
from tvm import relax
from tvm.relax.backend.gpu_generic import dataflow_lower_passes, finalize_passes
from tvm.s_tir import dlight

from . import shape
from .network import exported
from .sampler import with_sampler

RUNTIME = Path(__file__).parent / "runtime"
LEFT_OUT = ("rpc_endpoint", "rpc_event_impl", "rpc_channel", "rpc_module", "contrib/sort", "testing/testing")
"""Parts of the runtime that a browser does not need: calls to other machines, sorting on the processor, tests."""
UNITS = ("wasm_runtime", "tvmjs_support", "webgpu_runtime", "no_remote_calls")
SETTINGS = {
    "WASM_BIGINT": "1",
    "STANDALONE_WASM": "1",
    "ALLOW_MEMORY_GROWTH": "1",
    "TOTAL_MEMORY": "160MB",
    "ERROR_ON_UNDEFINED_SYMBOLS": "0",
}


def compile_runtime(into: Path) -> list[str]:
    """Compile TVM's runtime; return the object files. It takes one and a half minutes."""
    tree = _source_tree(into / "sources")
    objects = []
    for unit in UNITS:
        objects.append(str(into / f"{unit}.o"))
        source = tree / "web" / "emcc" / f"{unit}.cc"
        includes = [f"-I{tree / path}" for path in (".", "include", "3rdparty/tvm-ffi/include")]
        _emcc("-O2", "-std=c++17", "-Wno-ignored-attributes", *includes, "-c", str(source), "-o", objects[-1])
    return objects


def compile_library(objects: list[str], out: Path) -> None:
    """Compile the model and link it with the runtime's object files to the library `out`."""
    host = {"kind": "llvm", "mtriple": "wasm32-unknown-unknown-wasm"}
    target = tvm.target.Target({"kind": "webgpu", "host": host})
    module, params = exported(target)
    passes = [
        relax.transform.LegalizeOps(),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FoldConstant(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
        dlight.ApplyDefaultSchedule(dlight.gpu.Fallback()),
        *dataflow_lower_passes(target),
        *finalize_passes(target),
    ]
    with target:
        pipeline = tvm.transform.Sequential(passes)
        built = relax.build(with_sampler(module, _metadata(params)), target=target, relax_pipeline=pipeline)

    def link(output: str, kernels: list[str], **_: Any) -> None:
        settings = [word for name, value in SETTINGS.items() for word in ("-s", f"{name}={value}")]
        preload = Path(tvm.__file__).parent / "web" / "emcc" / "preload.js"
        _emcc("-O2", "--no-entry", *settings, "--pre-js", str(preload), "-o", output, *objects, *kernels)

    link.object_format = "o"  # type: ignore[attr-defined]
    built.export_library(str(out), fcompile=link)


def _source_tree(tree: Path) -> Path:
    """Lay out the runtime's sources from the two wheels as TVM's own repository has them."""
    shutil.rmtree(tree, ignore_errors=True)
    wheel = Path(tvm.__file__).parent
    for part in ("src", "include", "web"):
        shutil.copytree(wheel / part, tree / part)
    shutil.copytree(RUNTIME, tree, dirs_exist_ok=True)
    (tree / "3rdparty").mkdir()
    (tree / "3rdparty" / "tvm-ffi").symlink_to(Path(tvm_ffi.__file__).parent)
    unit = tree / "web" / "emcc" / "wasm_runtime.cc"
    kept = [line for line in unit.read_text().splitlines() if not any(name in line for name in LEFT_OUT)]
    unit.write_text("\n".join(kept) + "\n")
    return tree


def _metadata(params: list[Any]) -> dict[str, Any]:
    """Return what the engine wants to know of the model, after checking that it is the model that was trained."""
    found = {name: tuple(int(n) for n in param.shape) for name, param in params}
    assert found == shape.parameters(), found
    return {
        "model_type": "tiny",
        "quantization": "q0f32",
        "context_window_size": shape.CONTEXT,
        "sliding_window_size": -1,
        "attention_sink_size": -1,
        "prefill_chunk_size": shape.PREFILL,
        "tensor_parallel_shards": 1,
        "kv_state_kind": "kv_cache",
        "max_batch_size": 1,
        "memory_usage": {},
        "params": [
            {"name": name, "shape": list(sizes), "dtype": "float32", "preprocs": []} for name, sizes in found.items()
        ],
        "kv_cache": {
            "num_hidden_layers": shape.LAYERS,
            "num_attention_heads": shape.HEADS,
            "num_key_value_heads": shape.HEADS,
            "head_dim": shape.HEAD,
        },
    }


def _emcc(*arguments: str) -> None:
    done = subprocess.run(["emcc", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"emcc failed:\n{done.stderr[-4000:]}")
