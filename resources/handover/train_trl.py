"""Trains with TRL what a run of MRT Workbench trained: its problems, its budgets, its progress reward (settings.json and problems.jsonl beside this file).

    pip install "trl==1.16.0"
    python train_trl.py --model HuggingFaceTB/SmolLM2-135M-Instruct

Every token is paid as the run paid it: GRPOTrainer takes advantages by token, which `credits` of mrt_reward.py gives. J is sampled: answers drawn after a
forced stop at each boundary, by the model that trains. One process; several need the groups of a batch gathered first.
"""
import argparse
import json
from pathlib import Path

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

import mrt_reward as mrt

HERE = Path(__file__).resolve().parent
SETTINGS = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))

# How TRL says over what the run took the mean of its loss.
LOSS_TYPES = {"constant": "dr_grpo", "sequence-mean": "grpo", "token-mean": "dapo"}


class ProgressTrainer(GRPOTrainer):
    """GRPO whose advantages are those of `mrt_reward.credits`: by token, with progress beside the outcome."""

    def __init__(self, **given):
        super().__init__(reward_funcs=[self._progress_reward], **given)
        self._paid = []

    def _progress_reward(self, prompts, completions, completion_ids, golds, **_):
        self._paid = []
        size = SETTINGS["groupSize"]
        for first in range(0, len(prompts), size):
            group = [
                self._measured(prompts[at], completion_ids[at], completions[at], golds[at]) for at in range(first, min(first + size, len(prompts)))
            ]
            self._paid += mrt.credits(group, **SETTINGS["credit"])
        return [each["reward"] for each in self._paid]

    def _measured(self, prompt, ids, text, golds):
        cues = SETTINGS["cues"]
        offsets = mrt.boundaries_of(text, cues)
        given = self.processing_class(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        scale = len(ids) / max(1, len(given))
        places = [min(len(ids), round(scale * sum(end <= offset for _, end in given))) for offset in offsets]
        J = mrt.sampled_J(
            [text[:offset] for offset in offsets],
            lambda cuts, samples: [self._answers(prompt + cut + SETTINGS["forcedStop"], samples) for cut in cuts],
            lambda answer: mrt.is_right(answer, golds),
            SETTINGS["samples"],
        )
        answer = mrt.answer_of(text, cues)
        return {
            "correct": 1 if answer is not None and mrt.is_right(answer, golds) else 0,
            "J": J,
            "episodes": list(zip(places, places[1:])),
            "tokens": len(ids),
        }

    @torch.no_grad()
    def _answers(self, text, samples):
        given = self.processing_class(text, return_tensors="pt", add_special_tokens=False).to(self.accelerator.device)
        model = self.accelerator.unwrap_model(self.model)
        written = model.generate(
            **given,
            do_sample=True,
            temperature=SETTINGS["temperature"],
            top_k=0,
            top_p=1.0,
            max_new_tokens=SETTINGS["answerTokens"],
            num_return_sequences=samples,
            pad_token_id=self.processing_class.pad_token_id or self.processing_class.eos_token_id,
        )
        return self.processing_class.batch_decode(written[:, given["input_ids"].shape[1] :], skip_special_tokens=True)

    def _generate_and_score_completions(self, inputs):
        output = super()._generate_and_score_completions(inputs)
        width = output["completion_ids"].shape[1]
        advantages = torch.zeros(len(self._paid), width)
        for row, paid in enumerate(self._paid):
            own = torch.tensor(paid["advantage"][:width])
            advantages[row, : len(own)] = own
        output["advantages"] = advantages.to(output["completion_ids"].device)
        return output


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--model", default=SETTINGS["model"])
    asked.add_argument("--out", default=str(HERE / "trained"))
    asked.add_argument("--steps", type=int, default=SETTINGS["steps"])
    asked.add_argument("--cpu", action="store_true", help="train on the CPU")
    given = asked.parse_args()
    problems = [json.loads(line) for line in (HERE / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
    trainer = ProgressTrainer(
        model=given.model,
        train_dataset=Dataset.from_list(problems),
        args=GRPOConfig(
            output_dir=given.out,
            max_steps=given.steps,
            per_device_train_batch_size=SETTINGS["groupSize"] * SETTINGS["promptsPerStep"],
            num_generations=SETTINGS["groupSize"],
            max_completion_length=SETTINGS["thinkingTokens"] + SETTINGS["answerTokens"],
            temperature=SETTINGS["temperature"],
            learning_rate=SETTINGS["learningRate"],
            lr_scheduler_type="constant",
            beta=SETTINGS["klBeta"],
            epsilon=SETTINGS["clipLow"],
            epsilon_high=SETTINGS["clipHigh"],
            loss_type=LOSS_TYPES[SETTINGS["aggregation"]],
            seed=SETTINGS["seed"],
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=given.cpu,
            bf16=False,
            gradient_checkpointing=False,
        ),
    )
    trainer.train()
    for row in trainer.state.log_history:
        if "reward" in row:
            print(json.dumps({"step": row.get("step"), "reward": row["reward"], "loss": row.get("loss"), "grad_norm": row.get("grad_norm")}))
    trainer.save_model(given.out)


if __name__ == "__main__":
    main()
