"""Adapters against PEFT itself: what it and transformers compute with adapters that we wrote, and adapters that it wrote, for us to read.

    python bench/peers/adapters.py FOLDER BASE

FOLDER holds peft/ (adapters), merged/ (a whole model) and tokens.json; BASE is the folder of the model below them. Writes theirs/ and
answers.json: log-probs of the tokens with our adapters, of our merged model, and with their own adapters. Needs requirements.txt.
"""
import json
import sys
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

FOLDER, BASE = Path(sys.argv[1]), sys.argv[2]
TOKENS = torch.tensor([json.loads((FOLDER / "tokens.json").read_text())])


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def logps(model):
    with torch.no_grad():
        return torch.log_softmax(model(TOKENS).logits[0, :-1].float(), -1).gather(-1, TOKENS[0, 1:, None])[:, 0].tolist()


ours = PeftModel.from_pretrained(load(BASE), FOLDER / "peft").eval()
answers = {"versions": {"peft": peft.__version__, "transformers": transformers.__version__}, "base": logps(load(BASE)), "ours": logps(ours), "merged": logps(load(FOLDER / "merged")), "unloaded": logps(ours.merge_and_unload())}

torch.manual_seed(5)
theirs = get_peft_model(load(BASE), LoraConfig(task_type="CAUSAL_LM", r=3, lora_alpha=7, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"], lora_dropout=0.0)).eval()
first = {name: value for name, value in theirs.named_parameters() if "lora_A" in name}
answers["bounds"] = {name: [value.min().item(), value.max().item(), value.shape[1]] for name, value in first.items()}
with torch.no_grad():
    for name, value in theirs.named_parameters():
        if "lora_B" in name:
            value.normal_(0, 0.3)
theirs.save_pretrained(FOLDER / "theirs")
answers["theirs"] = logps(theirs)
(FOLDER / "answers.json").write_text(json.dumps(answers))
