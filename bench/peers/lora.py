"""Time and peak memory of a forward and backward pass of PyTorch with peft, at the shape that `npm run bench -- lora` trains.

Run beside it on the same idle machine: python bench/peers/lora.py 4 512
Needs torch, transformers and peft. Random weights of SmolLM2-135M's shape, rank 16 on every linear map; no optimizer step, which ours includes.
"""
import resource
import sys
import time

import peft
import torch
import transformers

rows, length = (int(word) for word in sys.argv[1:3])
torch.set_num_threads(2)
torch.manual_seed(0)
shape = transformers.LlamaConfig(
    vocab_size=49_152,
    hidden_size=576,
    intermediate_size=1536,
    num_hidden_layers=30,
    num_attention_heads=9,
    num_key_value_heads=3,
    head_dim=64,
    rms_norm_eps=1e-5,
    tie_word_embeddings=True,
    max_position_embeddings=8192,
)
model = peft.get_peft_model(
    transformers.LlamaForCausalLM(shape), peft.LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")
).train()
tokens = torch.randint(100, 40_000, (rows, length))
print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")
for step in range(5):
    began = time.perf_counter()
    logits = model(input_ids=tokens, use_cache=False).logits[:, :-1].float()
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))
    loss.backward()
    model.zero_grad()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"step {step}: {time.perf_counter() - began:.2f} s, peak {peak:.0f} MiB", flush=True)
