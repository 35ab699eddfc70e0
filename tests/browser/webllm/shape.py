"""The size of the tiny model: small enough to be trained in a minute and to answer on a processor that plays WebGPU."""

VOCABULARY = 512
WIDTH = 128
HEADS = 2
HEAD = 64
LAYERS = 2
INNER = 256
CONTEXT = 512
PREFILL = 128  # tokens of the prompt that are read at once
EPSILON = 1e-6
ROPE_THETA = 10_000

PAD, TURN, END = 0, 1, 2
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def parameters() -> dict[str, tuple[int, ...]]:
    """Return the name and the shape of every weight, in the order in which the model's file holds them."""
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens.weight": (VOCABULARY, WIDTH)}
    for layer in range(LAYERS):
        at = f"layers.{layer}."
        shapes |= {
            f"{at}attention.qkv.weight": (3 * HEADS * HEAD, WIDTH),
            f"{at}attention.out.weight": (WIDTH, HEADS * HEAD),
            f"{at}gated.gate.weight": (INNER, WIDTH),
            f"{at}gated.up.weight": (INNER, WIDTH),
            f"{at}gated.down.weight": (WIDTH, INNER),
            f"{at}norm_1.weight": (WIDTH,),
            f"{at}norm_2.weight": (WIDTH,),
        }
    return shapes | {"norm.weight": (WIDTH,), "lm_head.weight": (VOCABULARY, WIDTH)}
