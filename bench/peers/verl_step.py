"""A whole step of training by verl on the CPU, paid by our reward, with a tiny model that is made here: what verl_recipe.sh would start, in one process.

The recipe is run as it stands up to its call of verl, so its arguments and its parquet are the ones used. Then, each by verl's own code: the data set; rollouts
by HFRollout; rewards by the reward manager `naive` with verl_reward.py; advantages by `compute_advantage`; log-probs before the update and the update
by the actor of ActorRolloutRefWorker (FSDP engine, `ppo_loss`), driven by the methods of RayPPOTrainer. J is drawn from a server of made-up answers.

Checked: the prompts are those that J is asked about; the rewards are those of mrt_reward; advantages are those of our Dr. GRPO and sum to 0 in a group;
log-probs, loss, norm of the gradient and log-probs after the update are those of transformers with torch's AdamW; the weights moved; completions
above their group's mean became likelier against those below it. Prints one line of JSON; ends with 1 where a check fails.

Packages: those of verl_check.py in DIR, and in front of them what verl 0.9.1 asks for by these versions:

    pip install --no-deps --target STEP transformers==5.9.0 huggingface-hub==1.33.0 tokenizers==0.22.2 httpx==0.28.1 httpcore==1.0.9 trl==0.27.0 \
        pillow==13.0.0 cachetools==8.0.2 uvicorn==0.54.0 fastapi==0.115.12 starlette==0.46.2
    PYTHONPATH=STEP:DIR .cache/peers/venv/bin/python bench/peers/verl_step.py

What of verl had to be got round, none of it arithmetic:
- verl knows CUDA and NPUs: verl_cpu.py is a platform for the CPU, added as verl lets one be added, and VERL_ENGINE_DEVICE=cuda picks the engine that is
  registered for CUDA. verl would name a backend for the CPU twice, so verl_gloo.py, loaded as the model's `external_lib`, opens the process group before it.
- FSDP 1, which the recipe uses, refuses parameters on the CPU (sync_module_states), so the strategy is fsdp2; attention is sdpa as flash attention is not
  there; nothing is compiled; arithmetic is fp32, so that log-probs can be compared.
- The recipe's rollouts are vLLM's. HFRollout is in verl 0.9.1 without the methods its base class has asked for since, so a class here adds three empty ones.
- RayPPOTrainer, the trainer before verl's present one, has its methods called with the actor itself in the place of a group of Ray workers; Ray is not
  started. verl_main.py starts verl's own command, with Ray and the present trainer.
"""
import asyncio
import contextlib
import json
import math
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from verl_shared import ENVIRONMENT, ON_THE_CPU, PROBLEMS, RUN, Server, arguments_of_recipe, directly, hand_over, make_model, serve

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = free.getsockname()[1]
os.environ.update(
    **ENVIRONMENT, VERL_USE_EXTERNAL_MODULES="verl_cpu", RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(PORT)
)
FOLDER = Path(tempfile.mkdtemp(prefix="mrt-verl-"))
os.environ["HF_DATASETS_CACHE"] = str(FOLDER / "cache")


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
    parameters = make_model(FOLDER / "model")
    recipe = arguments_of_recipe(FOLDER, FOLDER / "model")
    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
        config = compose("ppo_trainer", [*recipe, *ON_THE_CPU])
    validate_config(config, need_reference_policy(config), need_critic(config))
    actor = config.actor_rollout_ref
    worker = ActorRolloutRefWorker(config=actor, role="actor")
    worker.init_model()
    module = worker.actor.engine.module
    trainer = OneProcess(config, worker)
    tokenizer = hf_tokenizer(str(FOLDER / "model"))

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
    plain = transformers.AutoModelForCausalLM.from_pretrained(FOLDER / "model", dtype=torch.float32, attn_implementation="sdpa")
    optim = actor.actor.optim
    optimizer = torch.optim.AdamW(plain.parameters(), lr=optim.lr, betas=tuple(optim.betas), weight_decay=optim.weight_decay)
    before, loss = [], 0.0
    for row in rows:
        now = plain_log_probs(torch, plain, batch.batch, row, actor.rollout.temperature)
        before.append(now.detach())
        part = -(torch.exp(now - now.detach()) * ours[row]).sum() / lengths.sum()
        part.backward()
        loss += part.item()
    norm = torch.nn.utils.clip_grad_norm_(plain.parameters(), optim.clip_grad).item()
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


mrt = hand_over(FOLDER, RUN)
serve()
try:
    with contextlib.redirect_stdout(sys.stderr):
        told = step(mrt)
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
print(json.dumps(told))
sys.exit(0 if all(told["checks"].values()) else 1)
