"""Log-probs of given token ids under transformers, from a GGUF file read in fp32: perplexity.ts calls it.

    python perplexity.py FOLDER FILE < ids.json > logps.json
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM

folder, file = sys.argv[1:3]
ids = torch.tensor([json.load(sys.stdin)])
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32, attn_implementation="eager").eval()
with torch.no_grad():
    logps = model(ids).logits.log_softmax(-1)[0, :-1].gather(-1, ids[0, 1:, None])[:, 0]
print(json.dumps(logps.double().tolist()))
