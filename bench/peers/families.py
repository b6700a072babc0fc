"""Makes the small random models of every family that test/model/families.test.ts reads, with what transformers computes on them.

    python bench/peers/families.py test/fixtures/families

Each folder is what `save_pretrained` writes (weights rounded to the stored type first, so that all read the same numbers), one of them in
shards, with reference.json: tokens, their log-probs in float32 and a greedy continuation. Needs torch and transformers (requirements.txt).
"""
import json
import math
import shutil
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

OUT = Path(sys.argv[1])
WIDTH, NEW = 48, 12
SIZE = dict(vocab_size=96, hidden_size=64, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2)


def rope(theta=10000.0, **scaling):
    return {"rope_theta": theta, "rope_type": "default", **scaling}


MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZE, tie_word_embeddings=True, rope_parameters=rope()), torch.float32, None),
    "llama-bias": (LlamaForCausalLM, LlamaConfig(**SIZE, attention_bias=True, tie_word_embeddings=False, rope_parameters=rope()), torch.bfloat16, None),
    "llama3": (LlamaForCausalLM, LlamaConfig(**SIZE, tie_word_embeddings=False, rope_parameters=rope(500000.0, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)), torch.bfloat16, None),
    "linear": (LlamaForCausalLM, LlamaConfig(**SIZE, tie_word_embeddings=True, rope_parameters=rope(rope_type="linear", factor=4.0)), torch.float16, None),
    "dynamic": (LlamaForCausalLM, LlamaConfig(**SIZE, tie_word_embeddings=True, rope_parameters=rope(rope_type="dynamic", factor=2.0)), torch.float16, None),
    "yarn": (Qwen2ForCausalLM, Qwen2Config(**SIZE, tie_word_embeddings=True, rope_parameters=rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)), torch.bfloat16, None),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SIZE, tie_word_embeddings=False, rope_parameters=rope(1000000.0)), torch.bfloat16, "40KB"),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**SIZE, head_dim=32, tie_word_embeddings=True, rope_parameters=rope(1000000.0)), torch.bfloat16, None),
}

for index, (name, (kind, config, dtype, shard)) in enumerate(MODELS.items()):
    torch.manual_seed(100 + index)
    model = kind(config).eval()
    for key, value in model.state_dict().items():
        # Large enough that the model is sure of itself, and nothing at its neutral value, so that a part left out shows.
        wide = torch.randn_like(value) * (3 / math.sqrt(value.shape[-1]) if value.dim() > 1 else 0.3) + (1 if "norm" in key else 0)
        value.copy_(wide.to(dtype).float())
    tokens = torch.randint(0, config.vocab_size, (1, WIDTH))
    with torch.no_grad():
        logps = torch.log_softmax(model(tokens).logits[0, :-1].float(), -1).gather(-1, tokens[0, 1:, None])[:, 0]
        greedy = model.generate(tokens[:, :8], max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=0, eos_token_id=None)[0, 8:]
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    (folder / "reference.json").write_text(json.dumps({"tokens": tokens[0].tolist(), "logps": logps.tolist(), "greedy": greedy.tolist()}) + "\n")
    print(name, f"{logps.mean():.3f} nats", sorted(path.name for path in folder.iterdir()))
