"""Whether verl calls our reward and gets its numbers: verl's own configuration with the override of verl_recipe.sh, its own loader of reward functions and its
own reward manager ("naive", the usual one) over made-up rollouts, against mrt_reward called directly. J is drawn from a server of made-up answers on
this machine. Prints one line of JSON; ends with 1 where a reward differs by more than 1e-6.

verl 0.9.1 wants an older transformers than the peers' environment has, so it goes beside it without its dependencies:

    pip install --no-deps --target DIR verl==0.9.1 tensordict==0.10.0 codetiming==1.4.0 hydra-core==1.3.8 omegaconf==2.3.0 torchdata==0.11.0 pandas==3.1.1 \
        dill==0.4.1 pyvers==0.2.3 importlib_metadata==10.2.0 zipp==4.1.2 python-dateutil==4.0.0 six==1.17.0 pytz==2026.6 tzdata==2026.6 cloudpickle==3.1.3 \
        orjson==3.13.0 pylatexenc==2.11 antlr4-python3-runtime==4.9.3 ray==2.60.0 msgpack==1.2.4 protobuf==7.36.2
    pip install --target DIR aiohttp==3.13.2
    PYTHONPATH=DIR .cache/peers/venv/bin/python bench/peers/verl_check.py
"""
import asyncio
import json
import os
import shutil
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HANDOVER = Path(__file__).resolve().parents[2] / "resources" / "handover"
FOLDER = Path(tempfile.mkdtemp(prefix="mrt-verl-"))
SETTINGS = {"cues": ["\nAnswer:", "Answer:"], "forcedStop": "\nAnswer:", "samples": 4, "answerTokens": 8, "temperature": 1.0, "credit": {"alpha": 0.7, "best_of_k": 1}}
# Thoughts of one to three episodes, right ones, wrong ones and one without an answer.
ROLLOUTS = [
    ("2 + 2 =", "Two and two.\nAnswer: 4\n", ["4"]),
    ("3 * 5 =", "Three fives.\n\nFive, ten, fifteen.\nAnswer: 15\n", ["15"]),
    ("7 - 9 =", "Seven.\n\nNine.\n\nTwo less than nothing.\nAnswer: 2\n", ["-2"]),
    ("6 * 7 =", "It never ends", ["42"]),
]
for name in ("mrt_reward.py", "verl_reward.py"):
    shutil.copy(HANDOVER / name, FOLDER / name)
(FOLDER / "settings.json").write_text(json.dumps(SETTINGS))
sys.path.insert(0, str(FOLDER))
import mrt_reward as mrt


def made_up(prompt, samples):
    """Answers on record behind a prompt: right the more often, the longer the thought was."""
    golds = next(golds for asked, _, golds in ROLLOUTS if prompt.startswith(asked))
    right = min(samples, len(prompt) % (samples + 1))
    return [f" {golds[0]}"] * right + [" 1000"] * (samples - right)


class Server(BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Server.asked += 1
        text = json.dumps({"choices": [{"text": each} for each in made_up(body["prompt"], body["n"])]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["MRT_SERVER"] = f"http://127.0.0.1:{server.server_port}/v1"
os.environ["MRT_MODEL"] = "made-up"


def directly(prompt, text, golds):
    J = mrt.sampled_J(
        [text[:offset] for offset in mrt.boundaries_of(text, SETTINGS["cues"])],
        lambda cuts, samples: [made_up(prompt + cut + SETTINGS["forcedStop"], samples) for cut in cuts],
        lambda answer: mrt.is_right(answer, golds),
        SETTINGS["samples"],
    )
    answer = mrt.answer_of(text, SETTINGS["cues"])
    return mrt.reward(1 if answer is not None and mrt.is_right(answer, golds) else 0, J, SETTINGS["credit"]["alpha"], SETTINGS["credit"]["best_of_k"])


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
    from verl.experimental.reward_loop.reward_loop import migrate_legacy_reward_impl
    from verl.trainer.ppo.reward import load_reward_manager

    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
        config = compose("ppo_trainer", [f"custom_reward_function.path={FOLDER / 'verl_reward.py'}", "custom_reward_function.name=compute_score"])
    config = migrate_legacy_reward_impl(config)
    manager = load_reward_manager(config, Characters())
    rewards = await by_verl(manager, DataProto, torch, np)
    wanted = [directly(*each) for each in ROLLOUTS]
    difference = max(abs(a - b) for a, b in zip(rewards, wanted))
    about = {"verl": verl.__version__, "manager": f"{type(manager).__module__}.{type(manager).__name__}", "asked": Server.asked}
    print(json.dumps({**about, "rewards": rewards, "directly": wanted, "difference": difference}))
    return 0 if difference <= 1e-6 else 1


try:
    status = asyncio.run(main())
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
sys.exit(status)
