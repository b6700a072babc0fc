"""A forward and backward pass of PyTorch with peft over the model and the adapters that `npm run bench -- lora-peft` wrote, answered line by line.

Arguments: the model's folder, the adapters' folder, threads. Requests: {"do": "load", "tokens": [[...]], "prompt": n} gives versions, the loss of what
follows the prompts and the norm of each adapter's gradient; {"do": "step"}, one more pass, the peak memory of this process in MiB.
"""
import json
import resource
import sys

import peft
import torch
import transformers

base, adapters, threads = sys.argv[1:4]
torch.set_num_threads(int(threads))
model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
model = peft.PeftModel.from_pretrained(model, adapters, is_trainable=True).train()
batch = None


def passed():
    tokens, prompt = batch
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits[:, prompt - 1 :]
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, prompt:].reshape(-1))
    loss.backward()
    return loss.item()


for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "load":
        batch = torch.tensor(request["tokens"]), request["prompt"]
        loss = passed()
        norms = {name: p.grad.norm().item() for name, p in model.named_parameters() if p.requires_grad}
        answer = {"loss": loss, "norms": norms, "versions": {m.__name__: m.__version__ for m in (torch, transformers, peft)}}
    else:
        passed()
        answer = {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    model.zero_grad()
    print(json.dumps(answer), flush=True)
