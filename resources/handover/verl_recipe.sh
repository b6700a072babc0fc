#!/usr/bin/env bash
# Trains with verl, as of 0.9.1, what a run of MRT Workbench trained. Beside it: verl_reward.py (the reward), problems.jsonl (the problems), settings.json.
# Start a server for J first, and name it: MRT_SERVER=http://127.0.0.1:8000/v1 MRT_MODEL=... ./verl_recipe.sh MODEL
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
model=${1:?the model to train, a name of Hugging Face or a folder}
: "${MRT_SERVER:?the address of a server that draws answers for J}" "${MRT_MODEL:?what that server calls the model}"
setting() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$here/settings.json" "$1"; }
# How verl says what the run compared a rollout with, and over what it took the mean of its loss.
case "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["credit"]["base"])' "$here/settings.json")" in
  grpo) base=(algorithm.adv_estimator=grpo algorithm.norm_adv_by_std_in_grpo=True) ;;
  rloo) base=(algorithm.adv_estimator=rloo) ;;
  *) base=(algorithm.adv_estimator=grpo algorithm.norm_adv_by_std_in_grpo=False) ;;
esac
case "$(setting aggregation)" in
  constant) mean=seq-mean-token-sum-norm ;;
  sequence-mean) mean=seq-mean-token-mean ;;
  *) mean=token-mean ;;
esac
kl=()
[ "$(setting klBeta)" = 0 ] || kl=(actor_rollout_ref.actor.use_kl_loss=True actor_rollout_ref.actor.kl_loss_type=low_var_kl "actor_rollout_ref.actor.kl_loss_coef=$(setting klBeta)")
python3 - "$here" <<'PYTHON'
import json, sys
from pathlib import Path
import pandas
here = Path(sys.argv[1])
rows = [json.loads(line) for line in (here / "problems.jsonl").read_text(encoding="utf-8").splitlines()]
pandas.DataFrame(
    {
        "data_source": ["mrt"] * len(rows),
        "prompt": [[{"role": "user", "content": row["question"]}] for row in rows],
        "reward_model": [{"style": "rule", "ground_truth": json.dumps(row["golds"])} for row in rows],
        "extra_info": [{"prompt": row["prompt"]} for row in rows],
    }
).to_parquet(here / "problems.parquet")
PYTHON
cd "$here"
python3 -m verl.trainer.main_ppo \
  "${base[@]}" ${kl[@]+"${kl[@]}"} actor_rollout_ref.actor.loss_agg_mode="$mean" data.seed="$(setting seed)" \
  data.train_files="$here/problems.parquet" data.val_files="$here/problems.parquet" \
  data.train_batch_size="$(setting promptsPerStep)" data.max_prompt_length=1024 \
  data.max_response_length="$(($(setting thinkingTokens) + $(setting answerTokens)))" \
  actor_rollout_ref.model.path="$model" actor_rollout_ref.actor.optim.lr="$(setting learningRate)" \
  actor_rollout_ref.actor.ppo_mini_batch_size="$(setting promptsPerStep)" actor_rollout_ref.actor.use_dynamic_bsz=True \
  actor_rollout_ref.actor.clip_ratio_low="$(setting clipLow)" actor_rollout_ref.actor.clip_ratio_high="$(setting clipHigh)" \
  actor_rollout_ref.rollout.name=vllm actor_rollout_ref.rollout.tensor_model_parallel_size=1 actor_rollout_ref.rollout.n="$(setting groupSize)" \
  actor_rollout_ref.rollout.temperature="$(setting temperature)" \
  reward.custom_reward_function.path="$here/verl_reward.py" reward.custom_reward_function.name=compute_score \
  trainer.total_training_steps="$(setting steps)" trainer.project_name=mrt trainer.experiment_name="$(basename "$here")" \
  trainer.n_gpus_per_node=1 trainer.nnodes=1 trainer.logger='["console"]'
