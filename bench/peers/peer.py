"""The PyTorch side of the comparison: reads weights and a batch that the workbench wrote, and does on request what the workbench does.

Two models. `Plain` is a Llama written with nothing but what a training step needs, the leanest eager PyTorch we could write. `hugging`
is transformers' LlamaForCausalLM, what most people run. Requests arrive as JSON lines on stdin, answers leave as JSON lines on stdout;
times are taken here, around the work alone.
"""
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file

FOLDER = Path(sys.argv[1])
CONFIG = json.loads((FOLDER / "config.json").read_text())
MODEL, LOSS, OPTIMIZER = CONFIG["model"], CONFIG["loss"], CONFIG["optimizer"]
WEIGHTS = load_file(FOLDER / "weights.safetensors")
BATCH = load_file(FOLDER / "batch.safetensors")
OURS = load_file(FOLDER / "ours.safetensors")
HEADS, KV_HEADS, HEAD_DIM = MODEL["heads"], MODEL["kvHeads"], MODEL["headDim"]
torch.set_num_threads(CONFIG["threads"])


def rotary(positions):
    """[T] -> cosines and sines [T, headDim] (Su et al. 2021, halves rotated as in Hugging Face checkpoints).

    Angles are taken in double precision, as in the workbench's tables; transformers rounds them to single before the cosine.
    """
    inverse = MODEL["ropeTheta"] ** (-torch.arange(0, HEAD_DIM, 2, dtype=torch.float64) / HEAD_DIM)
    angles = torch.outer(positions.double(), inverse).repeat(1, 2)
    return angles.cos().float(), angles.sin().float()


def rotate(x, cos, sin):
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-right, left), dim=-1) * sin


class Plain(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.names = list(weights)
        self.values = torch.nn.ParameterList([torch.nn.Parameter(value.clone()) for value in weights.values()])

    def forward(self, tokens, past=None):
        """Logits [B, T, V] and the keys and values of all layers, each [B, kvHeads, length, headDim]."""
        rows, width = tokens.shape
        start = 0 if past is None else past[0][0].shape[2]
        cos, sin = rotary(torch.arange(start, start + width))
        weights = dict(zip(self.names, self.values))
        norm = lambda x, name: F.rms_norm(x, (MODEL["hiddenSize"],), weights[name], MODEL["rmsEps"])
        x = F.embedding(tokens, weights["model.embed_tokens.weight"])
        present = []
        for layer in range(MODEL["layers"]):
            of = lambda name: f"model.layers.{layer}.{name}.weight"
            split = lambda y, heads: y.view(rows, width, heads, HEAD_DIM).transpose(1, 2)
            normed = norm(x, of("input_layernorm"))
            q = rotate(split(F.linear(normed, weights[of("self_attn.q_proj")]), HEADS), cos, sin)
            k = rotate(split(F.linear(normed, weights[of("self_attn.k_proj")]), KV_HEADS), cos, sin)
            v = split(F.linear(normed, weights[of("self_attn.v_proj")]), KV_HEADS)
            if past is not None:
                k, v = torch.cat((past[layer][0], k), dim=2), torch.cat((past[layer][1], v), dim=2)
            present.append((k, v))
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=width > 1, enable_gqa=True)
            x = x + F.linear(attended.transpose(1, 2).reshape(rows, width, -1), weights[of("self_attn.o_proj")])
            normed = norm(x, of("post_attention_layernorm"))
            gated = F.silu(F.linear(normed, weights[of("mlp.gate_proj")])) * F.linear(normed, weights[of("mlp.up_proj")])
            x = x + F.linear(gated, weights[of("mlp.down_proj")])
        return F.linear(norm(x, "model.norm.weight"), weights["model.embed_tokens.weight"]), present

    def named_gradients(self):
        return {name: value.grad for name, value in zip(self.names, self.values)}


class Hugging(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
            vocab_size=MODEL["vocabSize"], hidden_size=MODEL["hiddenSize"], intermediate_size=MODEL["intermediateSize"], num_hidden_layers=MODEL["layers"],
            num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=HEAD_DIM, rms_norm_eps=MODEL["rmsEps"], max_position_embeddings=MODEL["maxPositions"],
            rope_parameters={"rope_type": "default", "rope_theta": MODEL["ropeTheta"]}, tie_word_embeddings=True, bos_token_id=1, eos_token_id=None, pad_token_id=None,
            attn_implementation="sdpa"))
        missing, unexpected = self.model.load_state_dict(weights, strict=False)
        assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
        self.model.tie_weights()

    def forward(self, tokens, past=None):
        result = self.model(tokens, past_key_values=past, use_cache=past is not None or not torch.is_grad_enabled())
        return result.logits, result.past_key_values

    def named_gradients(self):
        return {name: value.grad for name, value in self.model.named_parameters()}


MODELS = {"plain": Plain(WEIGHTS), "hugging": Hugging(WEIGHTS)}
# The same parameters as `plain`, through torch.compile.
MODELS["compiled"] = MODELS["plain"]
OPTIMIZERS = {name: torch.optim.AdamW(model.parameters(), lr=OPTIMIZER["lr"], betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True) for name, model in MODELS.items()}


def eager(model):
    """The loss of the batch and the log-probs of its targets: PPO's clipped objective, summed with the weights."""
    logits, _ = model(BATCH["tokens"])
    logps = F.log_softmax(logits, dim=-1).gather(-1, BATCH["targets"].unsqueeze(-1)).squeeze(-1)
    ratio = torch.exp(torch.where(BATCH["weights"] > 0, logps - BATCH["old_logps"], 0.0))
    clipped = ratio.clamp(1 - LOSS["clipLow"], 1 + LOSS["clipHigh"])
    objective = torch.minimum(ratio * BATCH["advantages"], clipped * BATCH["advantages"])
    return -(BATCH["weights"] * objective).sum(), logps


LOSSES = {"plain": eager, "hugging": eager, "compiled": torch.compile(eager)}


def distance(a, b):
    """Norm of the difference over the norm of what it is compared with."""
    return float((a - b).norm() / b.norm())


def check(name):
    """Differences from the workbench's loss, log-probs and every gradient, before any update."""
    model = MODELS[name]
    model.zero_grad(set_to_none=True)
    loss, logps = LOSSES[name](model)
    loss.backward()
    found = model.named_gradients()
    assert set(found) == {key[5:] for key in OURS if key.startswith("grad/")}, sorted(found)
    gradients = {key: distance(found[key], OURS[f"grad/{key}"]) for key in found}
    worst = max(gradients, key=gradients.get)
    return {
        "loss": abs(float(loss.detach()) - float(OURS["loss"])),
        "logps": float(((logps.detach() - OURS["logps"]) * (BATCH["weights"] > 0)).abs().max()),
        "gradient": gradients[worst], "worst": worst, "gradients": len(gradients), "cached": 0 if name == "compiled" else cached_difference(model),
    }


@torch.inference_mode()
def cached_difference(model):
    """Log-probs of the tokens that the workbench drew, from this model's own cached loop, against the recorded ones."""
    prompts, drawn, recorded = BATCH["prompts"], BATCH["drawn"], OURS["drawn_logps"]
    logits, past = model(prompts, None)
    most = 0.0
    for step in range(drawn.shape[1]):
        own = F.log_softmax(logits[:, -1], dim=-1).gather(-1, drawn[:, step : step + 1])[:, 0]
        most = max(most, float((own - recorded[:, step]).abs().max()))
        if step + 1 < drawn.shape[1]:
            logits, past = model(drawn[:, step : step + 1], past)
    return most


def train(name, _rows):
    model, optimizer = MODELS[name], OPTIMIZERS[name]
    model.zero_grad(set_to_none=True)
    loss, _ = LOSSES[name](model)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["clipNorm"], foreach=True)
    optimizer.step()


@torch.inference_mode()
def generate(name, rows):
    """The cached loop: draw a token per row, keep its log-prob, append keys and values."""
    model = MODELS[name]
    logits, past = model(BATCH["prompts"][:rows], None)
    tokens, logps = [], []
    steps = BATCH["drawn"].shape[1]
    for step in range(steps):
        all_logps = F.log_softmax(logits[:, -1], dim=-1)
        token = torch.multinomial(all_logps.exp(), 1)
        tokens.append(token)
        logps.append(all_logps.gather(-1, token))
        if step + 1 < steps:
            logits, past = model(token, past)
    return torch.cat(tokens, dim=1), torch.cat(logps, dim=1)


@torch.inference_mode()
def library(name, rows):
    """transformers' own generate() on the same work."""
    MODELS[name].model.generate(BATCH["prompts"][:rows], do_sample=True, top_k=0, top_p=1.0, max_new_tokens=BATCH["drawn"].shape[1], min_new_tokens=BATCH["drawn"].shape[1])


def gguf_files():
    """The weights as llama.cpp reads them, in single precision and in Q8_0: Llama's names, and the pairs of rotary positions beside one another."""
    import gguf

    paths = {}
    for kind in ("F32", "Q8_0"):
        quantised = gguf.GGMLQuantizationType.Q8_0
        path = FOLDER / f"{kind}.gguf"
        out = gguf.GGUFWriter(path, "llama")
        out.add_vocab_size(MODEL["vocabSize"])
        out.add_context_length(MODEL["maxPositions"])
        out.add_embedding_length(MODEL["hiddenSize"])
        out.add_block_count(MODEL["layers"])
        out.add_feed_forward_length(MODEL["intermediateSize"])
        out.add_head_count(HEADS)
        out.add_head_count_kv(KV_HEADS)
        out.add_key_length(HEAD_DIM)
        out.add_value_length(HEAD_DIM)
        out.add_rope_dimension_count(HEAD_DIM)
        out.add_rope_freq_base(MODEL["ropeTheta"])
        out.add_layer_norm_rms_eps(MODEL["rmsEps"])
        out.add_file_type(gguf.LlamaFileType.ALL_F32 if kind == "F32" else gguf.LlamaFileType.MOSTLY_Q8_0)
        # Tokens are given as ids; the words are there because a file has to have some.
        special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
        words = special + [f"w{number}" for number in range(MODEL["vocabSize"] - len(special))]
        out.add_tokenizer_model("llama")
        out.add_token_list(words)
        out.add_token_scores([0.0] * len(words))
        out.add_token_types([2, 3, 3] + [6] * 256 + [1] * (len(words) - len(special)))
        out.add_bos_token_id(1)
        out.add_eos_token_id(2)
        names = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
                 "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
        for name, value in WEIGHTS.items():
            value = value.numpy()
            if name == "model.embed_tokens.weight":
                given = "token_embd.weight"
            elif name == "model.norm.weight":
                given = "output_norm.weight"
            else:
                _, _, layer, rest = name.split(".", 3)
                given = f"blk.{layer}.{names[rest.removesuffix('.weight')]}.weight"
            for part, heads in (("q_proj", HEADS), ("k_proj", KV_HEADS)):
                if part in name:
                    value = value.reshape(heads, 2, HEAD_DIM // 2, -1).swapaxes(1, 2).reshape(value.shape)
            if kind == "Q8_0" and value.ndim == 2:
                out.add_tensor(given, gguf.quants.quantize(value, quantised), raw_dtype=quantised)
            else:
                out.add_tensor(given, value)
        out.write_header_to_file()
        out.write_kv_data_to_file()
        out.write_tensors_to_file()
        out.close()
        paths[kind] = str(path)
    return paths


WORK = {"train": train, "generate": generate, "library": library}


def answer(request):
    if request["do"] == "about":
        return {"torch": torch.__version__, "transformers": transformers.__version__, "threads": torch.get_num_threads(), "capability": torch.backends.cpu.get_cpu_capability()}
    if request["do"] == "gguf":
        return gguf_files()
    if request["do"] == "check":
        return check(request["model"])
    began = time.perf_counter()
    WORK[request["do"]](request["model"], request.get("rows"))
    return {"ms": 1000 * (time.perf_counter() - began)}


transformers.logging.set_verbosity_error()
for line in sys.stdin:
    try:
        said = answer(json.loads(line))
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(said), flush=True)
