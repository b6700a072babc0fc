"""llama.cpp as a peer, through the C functions that llama-cpp-python hands on: a row is a sequence of its own, the rows of a step are one batch.

Requests arrive as JSON lines on stdin, answers leave as JSON lines on stdout; times are taken here, around the work alone. Tokens are drawn by
llama.cpp's own sampler, so that nothing of Python's lies between two steps but the call for each row.
"""
import ctypes
import json
import sys
import time

import llama_cpp as llama
import numpy

THREADS = int(sys.argv[1])
# A full context is shifted before its last token is read: some room keeps that away.
ROOM = 32


@llama.llama_log_callback
def log(level, text, _):
    # Warnings and errors; what goes on in the same line as the one before has a level above these.
    if level in (3, 4):
        sys.stderr.write(text.decode(errors="replace"))


llama.llama_log_set(log, ctypes.c_void_p(0))
llama.llama_backend_init()


class Context:
    def __init__(self, path, rows, positions):
        settings = llama.llama_model_default_params()
        settings.n_gpu_layers = 0
        self.model = llama.llama_model_load_from_file(path.encode(), settings)
        if not self.model:
            raise ValueError(f"llama.cpp does not read {path}")
        options = llama.llama_context_default_params()
        options.n_ctx = rows * (positions + ROOM)
        options.n_seq_max = rows
        options.n_batch = options.n_ubatch = max(positions, rows)
        options.n_threads = options.n_threads_batch = THREADS
        options.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        options.type_k = options.type_v = llama.GGML_TYPE_F32
        options.kv_unified = False
        options.no_perf = True
        self.context = llama.llama_init_from_model(self.model, options)
        if not self.context:
            raise ValueError(f"llama.cpp opens no context of {rows} x {positions} tokens")
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.room = max(positions, rows)
        self.batch = llama.llama_batch_init(self.room, 0, 1)

    def clear(self):
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)

    def decode(self, entries):
        """entries: (token, position, row, whether its logits are wanted), at most as many as a batch has room for."""
        self.batch.n_tokens = len(entries)
        for at, (token, position, row, wanted) in enumerate(entries):
            self.batch.token[at] = token
            self.batch.pos[at] = position
            self.batch.n_seq_id[at] = 1
            self.batch.seq_id[at][0] = row
            self.batch.logits[at] = wanted
        status = llama.llama_decode(self.context, self.batch)
        if status != 0:
            raise ValueError(f"llama_decode answered {status}")

    def logits(self, at):
        return numpy.ctypeslib.as_array(llama.llama_get_logits_ith(self.context, at), shape=(self.vocabulary,)).astype(numpy.float64)


def score(context, prompts, drawn):
    """Log-probs of the drawn tokens of each row, one row at a time."""
    context.clear()
    logps = []
    for row, own in enumerate(drawn):
        prompt = prompts[row]
        ids = prompt + own[:-1]
        context.decode([(token, at, row, at >= len(prompt) - 1) for at, token in enumerate(ids)])
        found = []
        for step, token in enumerate(own):
            logits = context.logits(len(prompt) - 1 + step)
            top = logits.max()
            found.append(float(logits[token] - top - numpy.log(numpy.exp(logits - top).sum())))
        logps.append(found)
    return logps


def generate(context, prompts, tokens):
    """Draws so many tokens for each prompt, a token of every row a step. Answers milliseconds and how many were drawn."""
    context.clear()
    samplers = [llama.llama_sampler_init_dist(row + 1) for row in range(len(prompts))]
    began = time.perf_counter()
    # Prompts are short here: what is before the last of their tokens goes in first.
    before = [(token, at, row, False) for row, prompt in enumerate(prompts) for at, token in enumerate(prompt[:-1])]
    for first in range(0, len(before), context.room):
        context.decode(before[first : first + context.room])
    last = [prompt[-1] for prompt in prompts]
    drawn = 0
    for step in range(tokens):
        context.decode([(token, len(prompts[row]) - 1 + step, row, True) for row, token in enumerate(last)])
        last = [llama.llama_sampler_sample(sampler, context.context, row) for row, sampler in enumerate(samplers)]
        drawn += len(last)
    ms = 1000 * (time.perf_counter() - began)
    for sampler in samplers:
        llama.llama_sampler_free(sampler)
    return {"ms": ms, "tokens": drawn}


opened = None
for line in sys.stdin:
    try:
        request = json.loads(line)
        if request["do"] == "open":
            opened = Context(request["path"], request["rows"], request["positions"])
            said = {"version": llama.__version__}
        elif request["do"] == "score":
            said = {"logps": score(opened, request["prompts"], request["drawn"])}
        else:
            said = generate(opened, request["prompts"], request["tokens"])
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(said), flush=True)
