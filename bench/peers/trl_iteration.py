"""Whole iterations of TRL's GRPOTrainer on the CPU: as many as are asked for, one at a time. Argument: a folder with config.json (model, prompts as lists of
ids in the order in which they are asked, group size, budget, stop tokens, learning rate, threads) and weights.safetensors.

Answers lines of JSON: {"do": "step"} is answered by {"grade": [[prompt, ids], ...]} for the rollouts of the iteration, then, once a line
{"rewards": [...]} came, by {"ms", "tokens"}; the first answer has log-probs of a few of its rollouts too, by transformers, before any update.
Rewards are those of the workbench's own grader, so that both pay for the same thing.
"""
import json
import sys
import time
from pathlib import Path

import torch
import transformers
from datasets import Dataset, disable_progress_bars
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from trl import GRPOConfig, GRPOTrainer
import trl

FOLDER = Path(sys.argv[1])
CONFIG = json.loads((FOLDER / "config.json").read_text())
MODEL = CONFIG["model"]
OUT = sys.stdout
sys.stdout = sys.stderr
disable_progress_bars()
transformers.logging.set_verbosity_error()
torch.set_num_threads(CONFIG["threads"])


def tell(answer):
    print(json.dumps(answer), file=OUT, flush=True)


def heard():
    line = sys.stdin.readline()
    return None if line == "" else json.loads(line)


def words(ids):
    return " ".join(f"w{each}" for each in ids)


PAD = f"w{CONFIG['pad']}"
core = Tokenizer(models.WordLevel({f"w{number}": number for number in range(MODEL["vocabSize"])}, unk_token=PAD))
core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token=PAD, eos_token=f"w{CONFIG['stop']}", padding_side="left")
model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
    vocab_size=MODEL["vocabSize"], hidden_size=MODEL["hiddenSize"], intermediate_size=MODEL["intermediateSize"], num_hidden_layers=MODEL["layers"],
    num_attention_heads=MODEL["heads"], num_key_value_heads=MODEL["kvHeads"], head_dim=MODEL["headDim"], rms_norm_eps=MODEL["rmsEps"],
    max_position_embeddings=MODEL["maxPositions"], rope_parameters={"rope_type": "default", "rope_theta": MODEL["ropeTheta"]}, tie_word_embeddings=True,
    bos_token_id=None, eos_token_id=CONFIG["stop"], pad_token_id=CONFIG["pad"], attn_implementation="sdpa"))
model.load_state_dict(load_file(FOLDER / "weights.safetensors"), strict=False)
model.tie_weights()
state = {"tokens": 0, "first": None}


@torch.no_grad()
def logps(prompt, ids):
    given = torch.tensor([prompt + ids])
    all_logps = model(given).logits[0].log_softmax(-1)
    return [float(all_logps[len(prompt) - 1 + at, each]) for at, each in enumerate(ids)]


def reward(prompts, completions, completion_ids, place, **_):
    pairs = [[int(at), [int(each) for each in ids]] for at, ids in zip(place, completion_ids)]
    state["tokens"] = sum(len(ids) for _, ids in pairs)
    if state["first"] is None:
        state["first"] = [{"prompt": at, "ids": ids, "logps": logps(CONFIG["prompts"][at], ids)} for at, ids in pairs[:8]]
    tell({"grade": pairs})
    return heard()["rewards"]


class Turns(transformers.TrainerCallback):
    """Waits to be asked before each iteration, and says what it took."""

    def on_step_begin(self, args, arguments_state, control, **_):
        if heard() is None:
            sys.exit(0)
        state["began"] = time.perf_counter()

    def on_step_end(self, args, arguments_state, control, **_):
        tell({"ms": 1000 * (time.perf_counter() - state["began"]), "tokens": state["tokens"], "first": state["first"], "trl": trl.__version__})


batch = CONFIG["groupSize"] * CONFIG["promptsPerStep"]
trainer = GRPOTrainer(
    model=model,
    reward_funcs=[reward],
    processing_class=tokenizer,
    train_dataset=Dataset.from_list([{"prompt": words(ids), "place": place} for place, ids in enumerate(CONFIG["prompts"])]),
    callbacks=[Turns()],
    args=GRPOConfig(
        output_dir=str(FOLDER / "trl"), max_steps=len(CONFIG["prompts"]) // CONFIG["promptsPerStep"], per_device_train_batch_size=batch,
        num_generations=CONFIG["groupSize"], max_completion_length=CONFIG["budget"], temperature=1.0, top_k=0, top_p=1.0, learning_rate=CONFIG["lr"],
        lr_scheduler_type="constant", beta=0.0, loss_type="dr_grpo", scale_rewards="none", max_grad_norm=CONFIG["clipNorm"], shuffle_dataset=False,
        logging_strategy="no", save_strategy="no", report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True,
    ),
)
trainer.train()
