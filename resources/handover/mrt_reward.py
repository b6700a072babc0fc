"""The progress reward of MRT Workbench for other trainers: the same numbers, in nothing but the standard library.

J at a boundary of a rollout is the chance of a right answer if thinking is stopped there; the progress of an episode is the change of J over it
(Qu et al., "Optimizing Test-Time Compute via Meta Reinforcement Fine-Tuning", arXiv 2503.07572). `reward` is the scalar of a rollout, `credits` what
each of its tokens is paid. How J is found is the caller's: `sampled_J` counts right answers among some that were drawn after a forced stop.
"""
import math
import re

TINY = 1e-6


def progress(J):
    """[episodes + 1] J at the boundaries -> [episodes] change of J over each episode."""
    scores = [min(1.0, score) for score in J]
    return [after - before for before, after in zip(scores, scores[1:])]


def best_of(J, k):
    """Chance that the best of k answers is right."""
    return 1 - (1 - min(1.0, J)) ** k if k > 1 else min(1.0, J)


def reward(correct, J, alpha=1.0, best_of_k=1):
    """Outcome plus alpha times the whole progress of a rollout."""
    return correct + alpha * sum(progress([best_of(score, best_of_k) for score in J]))


def _mean(values):
    return math.fsum(values) / len(values)


def _dr_grpo(rewards):
    centre = _mean(rewards)
    return [each - centre for each in rewards]


def _rloo(rewards):
    whole = math.fsum(rewards)
    return [each - (whole - each) / (len(rewards) - 1) for each in rewards]


def _grpo(rewards):
    centre = _mean(rewards)
    deviation = math.sqrt(math.fsum((each - centre) ** 2 for each in rewards) / (len(rewards) - 1))
    return [(each - centre) / (deviation + TINY) for each in rewards]


BASELINES = {"dr-grpo": _dr_grpo, "rloo": _rloo, "grpo": _grpo}


def _to_go(steps, discount):
    paid = list(steps)
    for episode in range(len(paid) - 2, -1, -1):
        paid[episode] += discount * paid[episode + 1]
    return paid


RULES = {
    "episode-local": lambda steps, discount: list(steps),
    "return-to-go": lambda steps, discount: _to_go(steps, 1.0),
    "mixture": _to_go,
}


def credits(group, alpha=1.0, credit="episode-local", discount=0.5, base="dr-grpo", centre="none", best_of_k=1):
    """What the tokens of the rollouts of one group are paid.

    group: rollouts of one problem, each a dict with `correct` (0 or 1), `J` [episodes + 1], `episodes` [(start, end)] in tokens, `tokens` (how many),
    and optionally `sampled` [tokens] (0 where a token was forced and is not learned from).
    Gives for each rollout a dict with `reward` and `advantage` [tokens].
    """
    steps = [progress([best_of(score, best_of_k) for score in rollout["J"]]) for rollout in group]
    outcomes = [float(rollout["correct"]) for rollout in group]
    rewards = [own + alpha * math.fsum(each) for own, each in zip(outcomes, steps)]
    outcome = BASELINES[base](outcomes) if len(group) > 1 else [0.0]
    if credit == "scalar":
        whole = BASELINES[base](rewards) if len(group) > 1 else [0.0]
        bonus = [[0.0] * len(each) for each in steps]
        ground = whole
    else:
        shares = [RULES[credit](each, discount) for each in steps]
        every = [share for each in shares for share in each]
        middle = _mean(every) if centre == "group" and every else 0.0
        bonus = [[alpha * (share - middle) for share in each] for each in shares]
        ground = outcome
    paid = []
    for rollout, own, base_pay, scalar in zip(group, bonus, ground, rewards):
        advantage = [base_pay] * rollout["tokens"]
        for (start, end), extra in zip(rollout["episodes"], own):
            advantage[start:end] = [base_pay + extra] * (end - start)
        for place, drawn in enumerate(rollout.get("sampled") or []):
            if not drawn:
                advantage[place] = 0.0
        paid.append({"reward": scalar, "advantage": advantage})
    return paid


def sampled_J(boundaries, draw, is_right, samples):
    """J at each boundary as the share of right answers.

    draw(boundaries, samples) gives for each boundary a list of answers written after a forced stop there; is_right(answer) grades one.
    """
    return [_mean([1.0 if is_right(answer) else 0.0 for answer in answers]) for answers in draw(boundaries, samples)]


def thought_of(text, cues):
    """Where thinking ends in a completion, in characters: before the first cue that announces the answer, or at its end."""
    found = [at for at in (text.find(cue) for cue in cues) if at >= 0]
    return min(found) if found else len(text)


def boundaries_of(text, cues):
    """Offsets in characters at which thinking can be stopped: 0, the end of each line that says something, the end of the thought."""
    end = thought_of(text, cues)
    inner = [match.end() for match in re.finditer(r"[^\n]*\S[^\n]*\n", text[:end])]
    offsets = [0] + [offset for offset in inner if offset < end and text[offset:end].strip()]
    return offsets + [end] if end > 0 else offsets


def number_of(text):
    """The number that an answer gives, or None."""
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?", text)
    if not found:
        return None
    last = found[-1].replace(",", "")
    if "/" in last:
        above, below = last.split("/")
        return float(above) / float(below) if float(below) else None
    return float(last)


def is_right(answer, golds):
    """Whether the first line of an answer is one of the accepted ones, as text or as a number. The workbench's graders know more kinds of equality."""
    line = next((each.strip() for each in answer.split("\n") if each.strip()), "").rstrip(".").strip()
    if line in golds:
        return True
    value = number_of(line)
    return value is not None and any(value == number_of(gold) for gold in golds if number_of(gold) is not None)


def answer_of(text, cues):
    """What stands behind the first cue, or None where the answer was never announced."""
    found = [(text.find(cue), len(cue)) for cue in cues if cue in text]
    if not found:
        return None
    at, length = min(found)
    return text[at + length :]
