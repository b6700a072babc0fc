"""A whole step of training by verl on the CPU, paid by our reward, with a tiny model that is made here: what verl_recipe.sh would start, in one process.

The recipe is run as it stands up to its call of verl, so its arguments and its parquet are the ones used. Then, each by verl's own code: the data set; rollouts
by HFRollout; rewards by the reward manager `naive` with verl_reward.py; advantages by `compute_advantage`; log-probs before the update and the update
by the actor of ActorRolloutRefWorker (FSDP engine, `ppo_loss`), driven by the methods of RayPPOTrainer. J is drawn from a server of made-up answers.

Checked: the prompts are those that J is asked about; the rewards are those of mrt_reward; advantages are those of our Dr. GRPO and sum to 0 in a group;
log-probs, loss, norm of the gradient and log-probs after the update are those of transformers with torch's AdamW; the weights moved; completions
above their group's mean became likelier against those below it. Prints one line of JSON; ends with 1 where a check fails.

Packages: those of verl_check.py in DIR, and in front of them what verl 0.9.1 asks for by these versions:

    pip install --no-deps --target STEP transformers==5.9.0 huggingface-hub==1.33.0 tokenizers==0.22.2 httpx==0.28.1 httpcore==1.0.9 trl==0.27.0
    PYTHONPATH=STEP:DIR .cache/peers/venv/bin/python bench/peers/verl_step.py

What of verl had to be got round, none of it arithmetic:
- verl knows CUDA and NPUs: verl_cpu.py is a platform for the CPU, added as verl lets one be added, and VERL_ENGINE_DEVICE=cuda picks the engine that is
  registered for CUDA. The process group is opened with gloo beforehand, as verl would name a backend for the CPU twice.
- FSDP 1, which the recipe uses, refuses parameters on the CPU (sync_module_states), so the strategy is fsdp2; attention is sdpa as flash attention is not
  there; nothing is compiled; arithmetic is fp32, so that log-probs can be compared.
- The recipe's rollouts are vLLM's. HFRollout is in verl 0.9.1 without the methods its base class has asked for since, so a class here adds three empty ones.
- RayPPOTrainer's methods are called with the actor itself in the place of a group of Ray workers; Ray is not started.
"""
import asyncio
import contextlib
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from verl_shared import HANDOVER, PROBLEMS, SETTINGS, Server, directly, hand_over, serve

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = free.getsockname()[1]
os.environ.update(
    VERL_PLATFORM="cpu", VERL_USE_EXTERNAL_MODULES="verl_cpu", VERL_ENGINE_DEVICE="cuda", HF_HUB_OFFLINE="1",
    RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(PORT),
)
FOLDER = Path(tempfile.mkdtemp(prefix="mrt-verl-"))
os.environ["HF_DATASETS_CACHE"] = str(FOLDER / "cache")
MODEL = FOLDER / "model"
RUN = {
    **SETTINGS, "promptsPerStep": 4, "groupSize": 8, "thinkingTokens": 40, "learningRate": 1e-3, "clipLow": 0.2, "clipHigh": 0.2, "steps": 1,
}
ON_THE_CPU = [
    "trainer.device=cpu",
    "data.max_prompt_length=16",
    "actor_rollout_ref.actor.strategy=fsdp2",
    "actor_rollout_ref.actor.fsdp_config.use_torch_compile=False",
    "+actor_rollout_ref.actor.fsdp_config.mixed_precision={param_dtype: fp32, reduce_dtype: fp32, buffer_dtype: fp32}",
    "+actor_rollout_ref.model.override_config.attn_implementation=sdpa",
    # So small that an update is put together from several batches.
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=512",
]
PIECES = ["\n", "\nAnswer:", " ", ".", "=", "+", "-", "*", *"0123456789", " and", " so", " then", " is", " makes", " two", " three", " five", " wait", " check"]


def make_model(torch, transformers):
    """A Llama of random weights over a vocabulary of words that thoughts could be made of; its chats are a question and a line break."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    words = ["<pad>", "<eos>", *PIECES]
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<pad>"))
    longest_first = sorted(PIECES, key=len, reverse=True)
    core.pre_tokenizer = pre_tokenizers.Split(Regex("|".join(f"[{word}]" if word in ".+*-" else word for word in longest_first)), "isolated")
    core.decoder = decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>", clean_up_tokenization_spaces=False)
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}{% if add_generation_prompt %}{{ '\\n' }}{% endif %}"
    tokenizer.save_pretrained(MODEL)
    torch.manual_seed(1)
    shape = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=128, tie_word_embeddings=False, bos_token_id=None, eos_token_id=1, pad_token_id=0,
    )
    model = transformers.LlamaForCausalLM(shape)
    model.save_pretrained(MODEL)
    return sum(each.numel() for each in model.parameters())


def arguments_of_recipe():
    """What verl_recipe.sh hands to verl: it is run with a python3 that writes down that call and hands on the others."""
    problems = [{"prompt": f"{asked}\n", "question": asked, "golds": golds} for asked, golds in PROBLEMS.items()]
    (FOLDER / "problems.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in problems))
    stand_in = FOLDER / "bin" / "python3"
    stand_in.parent.mkdir()
    told = FOLDER / "arguments"
    stand_in.write_text(
        f'#!/bin/sh\nif [ "$1 $2" = "-m verl.trainer.main_ppo" ]; then shift 2; printf "%s\\n" "$@" > "{told}"; else exec "{sys.executable}" "$@"; fi\n'
    )
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}:{os.environ['PATH']}"
    subprocess.run(["bash", str(FOLDER / "verl_recipe.sh"), str(MODEL)], check=True, env={**os.environ, "PATH": path}, stdout=sys.stderr)
    return told.read_text().splitlines()


def plain_log_probs(torch, model, batch, row, temperature):
    """Log-probs of one completion by transformers, without padding and without anything of verl."""
    mask = batch["attention_mask"][row].bool()
    ids = batch["input_ids"][row][mask]
    length = int(batch["response_mask"][row].sum())
    logits = model(input_ids=ids[None, :-1], use_cache=False).logits[0, -length:] / temperature
    return torch.log_softmax(logits.float(), dim=-1).gather(-1, ids[-length:, None])[:, 0]


async def rewards_of(config, tokenizer, batch):
    from verl.trainer.ppo.reward import load_reward_manager

    manager = load_reward_manager(config, tokenizer)
    rewards = [(await manager.run_single(batch[row : row + 1]))["reward_score"] for row in range(len(batch))]
    return rewards, manager.assemble_rm_scores(batch, rewards)


def step(mrt):
    import numpy as np
    import torch
    import transformers
    import verl
    from hydra import compose, initialize_config_dir
    from verl import DataProto
    from verl.experimental.reward_loop.reward_loop import migrate_legacy_reward_impl
    from verl.trainer.ppo.ray_trainer import RayPPOTrainer, compute_advantage, compute_response_mask
    from verl.trainer.ppo.reward import extract_reward
    from verl.trainer.ppo.utils import create_rl_dataset, need_critic, need_reference_policy
    from verl.utils import hf_tokenizer
    from verl.utils.config import validate_config
    from verl.utils.dataset.rl_dataset import collate_fn
    from verl.utils.metric import reduce_metrics
    from verl.utils.model import compute_position_id_with_mask
    from verl.utils.tokenizer import normalize_token_ids
    from verl.utils.torch_functional import postprocess_data
    from verl.workers.engine_workers import ActorRolloutRefWorker
    from verl.workers.rollout.hf_rollout import HFRollout

    class Rollout(HFRollout):
        def __init__(self, module, config):
            self.module, self.config = module, config

        async def resume(self, tags):
            pass

        async def update_weights(self, weights, **_):
            pass

        async def release(self):
            pass

    class OneProcess(RayPPOTrainer):
        def __init__(self, config, worker):
            self.config, self.actor_rollout_wg = config, worker

    torch.set_num_threads(1)
    parameters = make_model(torch, transformers)
    recipe = arguments_of_recipe()
    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
        config = migrate_legacy_reward_impl(compose("ppo_trainer", [*recipe, *ON_THE_CPU]))
    validate_config(config, need_reference_policy(config), need_critic(config))
    actor = config.actor_rollout_ref
    torch.distributed.init_process_group("gloo")
    worker = ActorRolloutRefWorker(config=actor, role="actor")
    worker.init_model()
    module = worker.actor.engine.module
    trainer = OneProcess(config, worker)
    tokenizer = hf_tokenizer(str(MODEL))

    # Rollouts.
    dataset = create_rl_dataset(config.data.train_files, config.data, tokenizer, None)
    batch = DataProto.from_single_dict(collate_fn([dataset[row] for row in range(config.data.train_batch_size)]))
    batch.meta_info["temperature"] = actor.rollout.temperature
    batch.non_tensor_batch["uid"] = np.array([f"problem {row}" for row in range(len(batch))], dtype=object)
    chats = trainer._get_gen_batch(batch).non_tensor_batch["raw_prompt"]
    prompts = []
    for chat in chats:
        ids = torch.tensor([normalize_token_ids(tokenizer.apply_chat_template(list(chat), add_generation_prompt=True, tokenize=True))])
        prompts.append(postprocess_data(ids, torch.ones_like(ids), config.data.max_prompt_length, tokenizer.pad_token_id))
    ids, mask = (torch.cat(each) for each in zip(*prompts))
    asked = DataProto.from_dict(
        tensors={"input_ids": ids, "attention_mask": mask, "position_ids": compute_position_id_with_mask(mask)},
        meta_info={"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id},
    ).repeat(repeat_times=actor.rollout.n, interleave=True)
    torch.manual_seed(2)
    drawn = Rollout(module, actor.rollout).generate_sequences(asked)
    batch = batch.repeat(repeat_times=actor.rollout.n, interleave=True).union(drawn)
    batch.batch["response_mask"] = compute_response_mask(batch)
    batch.meta_info["global_token_num"] = batch.batch["attention_mask"].sum(dim=-1).tolist()
    rows = range(len(batch))
    lengths = batch.batch["response_mask"].sum(dim=-1)

    def answered(text):
        return mrt.answer_of(text, RUN["cues"])

    # Rewards.
    rewards, batch.batch["rm_scores"] = asyncio.run(rewards_of(config, tokenizer, batch))
    batch.batch["token_level_scores"], _ = extract_reward(batch)
    batch.batch["token_level_rewards"] = batch.batch["token_level_scores"]
    texts = [tokenizer.decode(batch.batch["responses"][row][: lengths[row]], skip_special_tokens=True) for row in rows]
    asked_about = [each["prompt"] for each in batch.non_tensor_batch["extra_info"]]
    asked_model = [tokenizer.decode(batch.batch["prompts"][row], skip_special_tokens=True) for row in rows]
    wanted = [directly(mrt, asked_about[row], texts[row], json.loads(batch.non_tensor_batch["reward_model"][row]["ground_truth"])) for row in rows]

    right = sum(answer is not None and mrt.is_right(answer, PROBLEMS[about.strip()]) for about, answer in zip(asked_about, map(answered, texts)))

    # Log-probs before the update and advantages.
    old, _ = trainer._compute_old_log_prob(batch)
    old.batch.pop("entropys")
    batch = batch.union(old)
    rules = config.algorithm
    batch = compute_advantage(
        batch, adv_estimator=rules.adv_estimator, gamma=rules.gamma, lam=rules.lam, num_repeat=actor.rollout.n,
        norm_adv_by_std_in_grpo=rules.norm_adv_by_std_in_grpo, config=rules,
    )
    paid = [batch.batch["advantages"][row, 0].item() for row in rows]
    groups = [list(rows)[start : start + actor.rollout.n] for start in range(0, len(batch), actor.rollout.n)]
    ours = [pay for group in groups for pay in mrt.BASELINES["dr-grpo"]([wanted[row] for row in group])]

    # The same step by transformers and torch.
    plain = transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="sdpa")
    optimizer = torch.optim.AdamW(plain.parameters(), lr=actor.actor.optim.lr, betas=tuple(actor.actor.optim.betas), weight_decay=actor.actor.optim.weight_decay)
    before, loss = [], 0.0
    for row in rows:
        now = plain_log_probs(torch, plain, batch.batch, row, actor.rollout.temperature)
        before.append(now.detach())
        part = -(torch.exp(now - now.detach()) * ours[row]).sum() / lengths.sum()
        part.backward()
        loss += part.item()
    norm = torch.nn.utils.clip_grad_norm_(plain.parameters(), actor.actor.optim.clip_grad).item()
    optimizer.step()

    # The update by verl.
    weights = {name: each.full_tensor().clone() for name, each in module.state_dict().items()}
    said = reduce_metrics(trainer._update_actor(batch).meta_info["metrics"])
    moved = {name: (each.full_tensor() - weights[name]).abs().max().item() for name, each in module.state_dict().items()}
    new, _ = trainer._compute_old_log_prob(batch)

    def apart(have, want):
        return max((have.batch["old_log_probs"][row, : lengths[row]] - want[row]).abs().max().item() for row in rows)

    with torch.no_grad():
        after = [plain_log_probs(torch, plain, batch.batch, row, actor.rollout.temperature) for row in rows]
    rise = [(new.batch["old_log_probs"][row] - old.batch["old_log_probs"][row])[: lengths[row]].mean().item() for row in rows]

    def mean(values):
        return math.fsum(values) / len(values)

    above, below = [rise[row] for row in rows if paid[row] > 0], [rise[row] for row in rows if paid[row] < 0]
    facts = {
        "reward difference": max(abs(a - b) for a, b in zip(rewards, wanted)),
        "advantage difference": max(abs(a - b) for a, b in zip(paid, ours)),
        "sum of a group": max(abs(math.fsum(paid[row] for row in group)) for group in groups),
        "log-prob difference": apart(old, before),
        "loss": [said["actor/loss"].item(), loss],
        "gradient norm": [said["actor/grad_norm"].item(), norm],
        "log-prob difference after": apart(new, after),
        "largest move of a weight": max(moved.values()),
        "rise of log-probs": [mean(above), mean(below)],
    }
    checks = {
        "prompts": asked_about == asked_model,
        "rewards": facts["reward difference"] <= 1e-6,
        "rewards differ in every group": all(len({rewards[row] for row in group}) > 1 for group in groups),
        "advantages": facts["advantage difference"] <= 1e-5 and facts["sum of a group"] <= 1e-5,
        "log-probs": facts["log-prob difference"] <= 1e-4,
        "loss and gradient": all(math.isfinite(a) and abs(a - b) <= 1e-3 * max(abs(b), 1e-3) for a, b in (facts["loss"], facts["gradient norm"])),
        "log-probs after": facts["log-prob difference after"] <= 1e-3,
        "weights moved": min(moved.values()) > 0 and math.isfinite(max(moved.values())),
        "likelier": mean(above) > mean(below),
    }
    return {
        "verl": verl.__version__, "torch": torch.__version__, "transformers": transformers.__version__, "parameters": parameters,
        "rollouts": len(batch), "tokens": int(lengths.sum()), "right": right, "asked": Server.asked,
        "rewards from": min(rewards), "to": max(rewards), **facts, "checks": checks,
    }


mrt = hand_over(FOLDER, RUN, ("mrt_reward.py", "verl_reward.py", "verl_recipe.sh"))
serve()
try:
    with contextlib.redirect_stdout(sys.stderr):
        told = step(mrt)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
print(json.dumps(told))
sys.exit(0 if all(told["checks"].values()) else 1)
