"""The reward of a run of MRT Workbench as verl asks for it: one scalar for a completion, the outcome plus alpha times its whole progress.

verl spreads a scalar over a rollout itself, so tokens are paid by the rule `scalar`, whatever rule the run had. J is sampled from the server whose address
stands in the environment: MRT_SERVER (http://127.0.0.1:8000/v1) and MRT_MODEL, the model that trains or a frozen one. See verl_recipe.sh.
"""
import json
import os
import urllib.request
from pathlib import Path

import mrt_reward as mrt

SETTINGS = json.loads((Path(__file__).resolve().parent / "settings.json").read_text(encoding="utf-8"))


def _answers(text, samples):
    body = {
        "model": os.environ["MRT_MODEL"],
        "prompt": text,
        "n": samples,
        "max_tokens": SETTINGS["answerTokens"],
        "temperature": SETTINGS["temperature"],
        "stop": ["\n"],
    }
    request = urllib.request.Request(
        os.environ["MRT_SERVER"].rstrip("/") + "/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return [choice["text"] for choice in json.load(answer)["choices"]]


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    """The reward of one completion; `extra_info["prompt"]` is the text it answers, `ground_truth` the accepted answers as a JSON list."""
    golds = json.loads(ground_truth)
    cues = SETTINGS["cues"]
    J = mrt.sampled_J(
        [solution_str[:offset] for offset in mrt.boundaries_of(solution_str, cues)],
        lambda cuts, samples: [_answers(extra_info["prompt"] + cut + SETTINGS["forcedStop"], samples) for cut in cuts],
        lambda answer: mrt.is_right(answer, golds),
        SETTINGS["samples"],
    )
    answer = mrt.answer_of(solution_str, cues)
    correct = 1 if answer is not None and mrt.is_right(answer, golds) else 0
    return mrt.reward(correct, J, SETTINGS["credit"]["alpha"], SETTINGS["credit"]["best_of_k"])
