"""Whether verl calls our reward and gets its numbers: verl's own configuration with the override of verl_recipe.sh, its own loader of reward functions and its
own reward manager ("naive", the usual one) over made-up rollouts, against mrt_reward called directly. J is drawn from a server of made-up answers on
this machine. Prints one line of JSON; ends with 1 where a reward differs by more than 1e-6.

verl 0.9.1 wants an older transformers than the peers' environment has, so it goes beside it without its dependencies:

    pip install --no-deps --target DIR verl==0.9.1 tensordict==0.10.0 codetiming==1.4.0 hydra-core==1.3.8 omegaconf==2.3.0 torchdata==0.11.0 pandas==3.1.1 \
        dill==0.4.1 pyvers==0.2.3 importlib_metadata==10.2.0 zipp==4.1.2 python-dateutil==4.0.0 six==1.17.0 pytz==2026.6 tzdata==2026.6 cloudpickle==3.1.3 \
        orjson==3.13.0 pylatexenc==2.11 antlr4-python3-runtime==4.9.3 ray==2.60.0 msgpack==1.2.4 protobuf==7.36.2 \
        jsonschema==4.26.0 jsonschema-specifications==2025.9.1 referencing==0.37.0 rpds-py==2026.9.1
    pip install --target DIR aiohttp==3.13.2
    PYTHONPATH=DIR .cache/peers/venv/bin/python bench/peers/verl_check.py
"""
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from verl_shared import PROBLEMS, Server, directly, hand_over, serve, SETTINGS

FOLDER = Path(tempfile.mkdtemp(prefix="mrt-verl-"))
# Thoughts of one to three episodes, right ones, wrong ones and one without an answer.
TEXTS = [
    "Two and two.\nAnswer: 4\n",
    "Three fives.\n\nFive, ten, fifteen.\nAnswer: 15\n",
    "Seven.\n\nNine.\n\nTwo less than nothing.\nAnswer: 2\n",
    "It never ends",
]
ROLLOUTS = [(prompt, text, golds) for (prompt, golds), text in zip(PROBLEMS.items(), TEXTS)]


class Characters:
    """A tokenizer whose ids are those of characters."""

    def decode(self, ids, skip_special_tokens=True):
        return "".join(chr(int(each)) for each in ids)


async def by_verl(manager, DataProto, torch, np):
    rewards = []
    for prompt, text, golds in ROLLOUTS:
        ids = torch.tensor([[ord(each) for each in text]])
        data = DataProto.from_dict(
            tensors={"responses": ids, "attention_mask": torch.ones_like(ids)},
            non_tensors={
                "data_source": np.array(["mrt"], dtype=object),
                "reward_model": np.array([{"style": "rule", "ground_truth": json.dumps(golds)}], dtype=object),
                "extra_info": np.array([{"prompt": prompt}], dtype=object),
            },
        )
        rewards.append((await manager.run_single(data))["reward_score"])
    return rewards


async def main():
    import numpy as np
    import torch
    import verl
    from hydra import compose, initialize_config_dir
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager

    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
        config = compose("ppo_trainer", [f"reward.custom_reward_function.path={FOLDER / 'verl_reward.py'}", "reward.custom_reward_function.name=compute_score"])
    manager = load_reward_manager(config, Characters())
    rewards = await by_verl(manager, DataProto, torch, np)
    wanted = [directly(mrt, *each) for each in ROLLOUTS]
    difference = max(abs(a - b) for a, b in zip(rewards, wanted))
    about = {"verl": verl.__version__, "manager": f"{type(manager).__module__}.{type(manager).__name__}", "asked": Server.asked}
    print(json.dumps({**about, "rewards": rewards, "directly": wanted, "difference": difference}))
    return 0 if difference <= 1e-6 else 1


mrt = hand_over(FOLDER, SETTINGS)
serve()
try:
    status = asyncio.run(main())
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
sys.exit(status)
