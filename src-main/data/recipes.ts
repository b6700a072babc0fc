// What to run, outside this program, to turn a Python pickle into a file that can be imported. A pickle is a program in
// disguise and is never opened here; whoever made it can convert it where they trust it.

import { basename } from 'node:path'

const plain = (name: string): string => `import json, pickle
# Run this only on a file you made yourself: opening a pickle can run any code.
with open(${JSON.stringify(name)}, "rb") as file:
    data = pickle.load(file)
rows = data if isinstance(data, list) else [dict(id=key, **value) if isinstance(value, dict) else dict(id=key, value=value) for key, value in data.items()]
with open(${JSON.stringify(`${name}.jsonl`)}, "w", encoding="utf-8") as out:
    for row in rows:
        out.write(json.dumps(row if isinstance(row, dict) else {"value": row}, default=str) + "\\n")
`

/** MRT's analysis hand-offs: problem -> rollout -> list of episode texts, and pass@k after each prefix. */
const prefixes = (name: string): string => `import json, pickle
# Run this only on files you made yourself: opening a pickle can run any code.
# prefixes.pkl: {problem: {rollout: [episode text, ...]}}; pass_at_k_given_prefix*.pkl: the same keys, [[0 or 1, ...] after each prefix].
with open(${JSON.stringify(name)}, "rb") as file:
    prefixes = pickle.load(file)
given_prefix = {}  # pickle.load(open("pass_at_k_given_prefix_0_15.pkl", "rb"))
def items(value):
    return value.items() if isinstance(value, dict) else enumerate(value)
with open(${JSON.stringify(`${name}.jsonl`)}, "w", encoding="utf-8") as out:
    for problem, rollouts in items(prefixes):
        for sample, episodes in items(rollouts):
            row = {"schema_version": 1, "prompt_id": str(problem), "prompt": str(problem), "sample_idx": int(sample), "completion": "".join(episodes), "episodes": []}
            at = 0
            for idx, text in enumerate(episodes):
                episode = {"idx": idx, "text_start": at, "text_end": at + len(text)}
                at += len(text)
                try:
                    answers = given_prefix[problem][sample][idx]
                    episode["p_correct"] = sum(answers) / len(answers)
                    episode["p_correct_n"] = len(answers)
                except (KeyError, IndexError, TypeError, ZeroDivisionError):
                    pass
                row["episodes"].append(episode)
            out.write(json.dumps(row, default=str) + "\\n")
`

/** Python that writes what torch.save kept as JSON Lines. */
export const torchRecipe = (path: string): string => `import json, torch
# Run this only on a file you made yourself: weights_only keeps it from running code.
data = torch.load(${JSON.stringify(basename(path))}, weights_only=True, map_location="cpu")
rows = data if isinstance(data, list) else [data]
with open(${JSON.stringify(`${basename(path)}.jsonl`)}, "w", encoding="utf-8") as out:
    for row in rows:
        out.write(json.dumps(row, default=lambda value: value.tolist() if hasattr(value, "tolist") else str(value)) + "\\n")
`

/** Python that writes the content of a pickle as JSON Lines, in the canonical form where the layout is known. */
export function pickleRecipe(path: string): string {
  const name = basename(path)
  return /prefix/.test(name) ? prefixes(name) : plain(name)
}
