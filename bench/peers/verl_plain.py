"""Rollouts of verl by transformers' generate on the CPU, where verl has them by vLLM, SGLang and TensorRT-LLM: a server of tokens in a Ray actor, and
what hands it the trainer's weights. Loaded by verl itself, with verl_cpu.py, where VERL_USE_EXTERNAL_MODULES=verl_plain stands in the environment.
"""
import os

import ray
import torch
import verl_cpu  # noqa: F401
from verl.workers.rollout import base
from verl.workers.rollout.replica import RolloutReplica, RolloutReplicaRegistry, TokenOutput

NAME = "plain rollouts"


class Weights(base.BaseRollout):
    async def resume(self, tags):
        pass

    async def release(self):
        pass

    async def update_weights(self, weights, **_):
        await ray.get_actor(NAME).load.remote({name: each.cpu() for name, each in weights})


class Server:
    def __init__(self, path, response_length):
        import transformers

        torch.set_num_threads(1)
        torch.manual_seed(2)
        self.response_length = response_length
        self.model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)

    async def load(self, weights):
        """Takes weights over and writes down by how much they differ from those before."""
        before = {name: each.clone() for name, each in self.model.state_dict().items()}
        self.model.load_state_dict({name: each.float() for name, each in weights.items()})
        moved = max((each - before[name]).abs().max().item() for name, each in self.model.state_dict().items())
        with open(os.environ["MRT_LOADS"], "a") as loads:
            loads.write(f"{moved}\n")

    async def generate(self, request_id, prompt_ids, sampling_params, **_):
        ids = torch.tensor([list(prompt_ids)])
        drawn = self.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=sampling_params["temperature"], top_k=0, top_p=1.0,
            max_new_tokens=self.response_length, output_scores=True, return_dict_in_generate=True,
        )
        tokens = drawn.sequences[0, ids.shape[1] :].tolist()
        log_probs = [torch.log_softmax(scores[0].float(), dim=-1)[token].item() for scores, token in zip(drawn.scores, tokens)]
        return TokenOutput(token_ids=tokens, log_probs=log_probs, stop_reason="completed", extra_fields={"global_steps": 0})

    async def nothing(self, *_, **__):
        pass

    wake_up = sleep = abort_all_requests = resume_generation = clear_kv_cache = release_kv_cache = resume_kv_cache = nothing


class Replica(RolloutReplica):
    async def launch_servers(self):
        self._server_handle = ray.remote(Server).options(name=NAME).remote(self.model_config.path, self.config.response_length)
        self._server_address = NAME
        self.servers = [self._server_handle]


base._ROLLOUT_REGISTRY[("plain", "async")] = "verl_plain.Weights"
RolloutReplicaRegistry.register("plain", lambda: Replica)
