"""The call of verl that verl_recipe.sh makes, `python -m verl.trainer.main_ppo`, run to its end on the CPU for one step: Ray, verl's present trainer, its agent
loop, its reward workers with verl_reward.py, its actor, and the weights handed back to the rollouts. The recipe is run as it stands up to that call; its
arguments are verl's, with those of verl_shared.ON_THE_CPU and BESIDE behind them. The model is the tiny one of verl_step.py, which checks the arithmetic.

Checked: verl ends well; the rewards that it wrote down with its rollouts are those of mrt_reward for the same texts; log-probs of the rollouts as drawn and
as the actor has them agree; loss and norm of the gradient are finite; the second set of weights that the rollouts were given is not the first.
Prints one line of JSON; ends with 1 where a check fails.

Packages: those of verl_step.py in STEP and DIR, and what verl's trainer asks for beside them:

    pip install --no-deps --target MAIN TransferQueue==0.1.11 pyzmq==27.3.0 msgspec==0.23.0 prometheus_client==0.26.0
    PYTHONPATH=STEP:MAIN:DIR .cache/peers/venv/bin/python bench/peers/verl_main.py

What had to be got round: what verl_step.py says of the platform and of FSDP 1; rollouts are those of verl_plain.py; Ray is told of a GPU that is not there.
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from verl_shared import ENVIRONMENT, ON_THE_CPU, RUN, Server, arguments_of_recipe, directly, hand_over, make_model, serve

BESIDE = [
    "actor_rollout_ref.rollout.name=plain",
    "actor_rollout_ref.rollout.free_cache_engine=False",
    "actor_rollout_ref.rollout.agent.num_workers=1",
    "reward.num_workers=1",
    "data.dataloader_num_workers=0",
    "trainer.val_before_train=False",
    "trainer.resume_mode=disable",
    'trainer.logger=["console","file"]',
    "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
    "ray_kwargs.ray_init.num_cpus=16",
    "+ray_kwargs.ray_init.num_gpus=1",
]
FOLDER = Path(tempfile.mkdtemp(prefix="mrt-verl-"))
mrt = hand_over(FOLDER, RUN)
serve()
try:
    make_model(FOLDER / "model")
    arguments = [*arguments_of_recipe(FOLDER, FOLDER / "model"), *ON_THE_CPU, *BESIDE, f"trainer.rollout_data_dir={FOLDER / 'rollouts'}"]
    environment = {
        **os.environ, **ENVIRONMENT, "VERL_USE_EXTERNAL_MODULES": "verl_plain", "VERL_FILE_LOGGER_PATH": str(FOLDER / "metrics.jsonl"),
        "MRT_LOADS": str(FOLDER / "loads"), "RAY_TMPDIR": str(FOLDER), "RAY_USAGE_STATS_ENABLED": "0", "HF_DATASETS_CACHE": str(FOLDER / "cache"),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parent), os.environ.get("PYTHONPATH", "")]),
    }
    status = subprocess.run([sys.executable, "-m", "verl.trainer.main_ppo", *arguments], cwd=FOLDER, env=environment, stdout=sys.stderr).returncode
    if status != 0:
        sys.exit(status)
    rollouts = [json.loads(line) for line in (FOLDER / "rollouts" / "1.jsonl").read_text().splitlines()]
    metrics = json.loads((FOLDER / "metrics.jsonl").read_text().splitlines()[-1])["data"]
    loads = [float(line) for line in (FOLDER / "loads").read_text().splitlines()]
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
wanted = [directly(mrt, each["input"], each["output"], json.loads(each["gts"])) for each in rollouts]
facts = {
    "rollouts": len(rollouts),
    "asked": Server.asked,
    "reward difference": max(abs(each["score"] - want) for each, want in zip(rollouts, wanted)),
    "rewards from": min(wanted),
    "to": max(wanted),
    "mean reward by verl": metrics["critic/rewards/mean"],
    "mean reward": math.fsum(wanted) / len(wanted),
    "difference of probabilities": metrics["training/rollout_probs_diff_max"],
    "loss": metrics["actor/loss"],
    "gradient norm": metrics["actor/grad_norm"],
    "moves of weights handed over": loads,
}
checks = {
    "all rollouts": len(rollouts) == RUN["promptsPerStep"] * RUN["groupSize"],
    "rewards": facts["reward difference"] <= 1e-6 and min(wanted) < max(wanted) and abs(facts["mean reward by verl"] - facts["mean reward"]) <= 1e-6,
    "probabilities": facts["difference of probabilities"] <= 1e-4,
    "finite": math.isfinite(facts["loss"]) and 0 < facts["gradient norm"] < math.inf,
    "weights moved": len(loads) == 2 and 1e-4 < loads[1] < 1e-2,
}
print(json.dumps({**facts, "checks": checks}))
sys.exit(0 if all(checks.values()) else 1)
