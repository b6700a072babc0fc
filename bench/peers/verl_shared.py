"""What verl_check.py, verl_step.py and verl_main.py share: problems, a tiny model, the files of a run handed over to verl and the arguments of its recipe,
a server of made-up answers, and the reward by mrt_reward.
"""
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HANDOVER = Path(__file__).resolve().parents[2] / "resources" / "handover"
CUES = ["\nAnswer:", "Answer:"]
SETTINGS = {"cues": CUES, "forcedStop": CUES[0], "samples": 4, "answerTokens": 8, "temperature": 1.0, "credit": {"alpha": 0.7, "base": "dr-grpo", "best_of_k": 1}}
PROBLEMS = {"2 + 2 =": ["4"], "3 * 5 =": ["15"], "7 - 9 =": ["-2"], "16 * 7 =": ["112"]}

RUN = {**SETTINGS, "promptsPerStep": 4, "groupSize": 8, "thinkingTokens": 40, "learningRate": 1e-3, "clipLow": 0.2, "clipHigh": 0.2, "klBeta": 0, "aggregation": "token-mean", "seed": 1, "steps": 1}
# The rest of verl on the CPU is in verl_cpu.py, which has to be loaded with it.
ENVIRONMENT = {"VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
ON_THE_CPU = [
    "trainer.device=cpu",
    "data.max_prompt_length=16",
    "actor_rollout_ref.actor.strategy=fsdp2",
    "actor_rollout_ref.actor.fsdp_config.use_torch_compile=False",
    "+actor_rollout_ref.actor.fsdp_config.mixed_precision={param_dtype: fp32, reduce_dtype: fp32, buffer_dtype: fp32}",
    "+actor_rollout_ref.model.override_config.attn_implementation=sdpa",
    "actor_rollout_ref.model.external_lib=verl_gloo",
    # So small that an update is put together from several batches.
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=512",
]
PIECES = ["\n", "\nAnswer:", " ", ".", "=", "+", "-", "*", *"0123456789", " and", " so", " then", " is", " makes", " two", " three", " five", " wait", " check"]


def hand_over(folder, settings):
    """Lays the files of a run into a folder from which Python loads them, and gives the module of the reward."""
    for name in ("mrt_reward.py", "verl_reward.py", "verl_recipe.sh"):
        shutil.copy(HANDOVER / name, folder / name)
    (folder / "settings.json").write_text(json.dumps(settings))
    sys.path.insert(0, str(folder))
    import mrt_reward

    return mrt_reward


def made_up(prompt, samples):
    """Answers on record behind a prompt: how many are right hangs on how long the text is."""
    golds = next(golds for asked, golds in PROBLEMS.items() if prompt.startswith(asked))
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


def serve():
    """Starts the server and names it as verl_reward.py looks for it."""
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["MRT_SERVER"] = f"http://127.0.0.1:{server.server_port}/v1"
    os.environ["MRT_MODEL"] = "made-up"


def directly(mrt, prompt, text, golds):
    """The reward of a completion with nothing of verl and no server between."""
    J = mrt.sampled_J(
        [text[:offset] for offset in mrt.boundaries_of(text, SETTINGS["cues"])],
        lambda cuts, samples: [made_up(prompt + cut + SETTINGS["forcedStop"], samples) for cut in cuts],
        lambda answer: mrt.is_right(answer, golds),
        SETTINGS["samples"],
    )
    answer = mrt.answer_of(text, SETTINGS["cues"])
    return mrt.reward(1 if answer is not None and mrt.is_right(answer, golds) else 0, J, SETTINGS["credit"]["alpha"], SETTINGS["credit"]["best_of_k"])


def make_model(folder):
    """Writes a Llama of random weights over words that thoughts could be made of; its chats are a question and a line break. Gives its parameters."""
    import torch
    import transformers
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    words = ["<pad>", "<eos>", *PIECES]
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<pad>"))
    longest_first = sorted(PIECES, key=len, reverse=True)
    core.pre_tokenizer = pre_tokenizers.Split(Regex("|".join(f"[{word}]" if word in ".+*-" else word for word in longest_first)), "isolated")
    core.decoder = decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>", clean_up_tokenization_spaces=False)
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}{% if add_generation_prompt %}{{ '\\n' }}{% endif %}"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    shape = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=128, tie_word_embeddings=False, bos_token_id=None, eos_token_id=1, pad_token_id=0,
    )
    model = transformers.LlamaForCausalLM(shape)
    model.save_pretrained(folder)
    return sum(each.numel() for each in model.parameters())


def arguments_of_recipe(folder, model):
    """What verl_recipe.sh hands to verl: it is run with a python3 that writes down that call and hands on the others."""
    problems = [{"prompt": f"{asked}\n", "question": asked, "golds": golds} for asked, golds in PROBLEMS.items()]
    (folder / "problems.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in problems))
    stand_in = folder / "bin" / "python3"
    stand_in.parent.mkdir()
    told = folder / "arguments"
    stand_in.write_text(
        f'#!/bin/sh\nif [ "$1 $2" = "-m verl.trainer.main_ppo" ]; then shift 2; printf "%s\\n" "$@" > "{told}"; else exec "{sys.executable}" "$@"; fi\n'
    )
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}:{os.environ['PATH']}"
    subprocess.run(["bash", str(folder / "verl_recipe.sh"), str(model)], check=True, env={**os.environ, "PATH": path}, stdout=sys.stderr)
    return told.read_text().splitlines()
