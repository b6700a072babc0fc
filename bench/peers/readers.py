"""Makes what test/model/gguf.test.ts and tokenizers.test.ts compare with: blocks of every GGUF type with the values that the gguf package
reads from them, and small tokenizers with the ids that Python's tokenizers gives 230 awkward strings.

    python bench/peers/readers.py test/fixtures

Needs gguf, tokenizers, jinja2 and numpy.
"""
import base64
import json
import random
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = Path(sys.argv[1])

# Blocks: random bits, with scales (float16) of an ordinary size at the places where each type keeps them.
SCALES = {Type.Q4_0: (18, [0]), Type.Q4_1: (20, [0, 2]), Type.Q8_0: (34, [0]), Type.Q4_K: (144, [0, 2]), Type.Q5_K: (176, [0, 2]), Type.Q6_K: (210, [208])}
rng = np.random.default_rng(3)
blocks = {}
for kind, (size, places) in SCALES.items():
    raw = rng.integers(0, 256, (3, size), dtype=np.uint8)
    for place in places:
        raw[:, place:place + 2] = rng.normal(0, 0.1, 3).astype(np.float16).view(np.uint8).reshape(3, 2)
    blocks[kind.name] = {"bytes": base64.b64encode(raw.tobytes()).decode(), "values": [float(x) for x in dequantize(raw.reshape(1, -1), kind).reshape(-1)]}
(OUT / "gguf").mkdir(parents=True, exist_ok=True)
(OUT / "gguf" / "blocks.json").write_text(json.dumps(blocks) + "\n")

CURIOUS = [
    "", "a", " ", "  ", "\n", "\n\n", "\t", " a", "a ", "  a  b", "don't we'll I'VE it's they'RE", "12345", "3.14159", "1,000,000.50", "x=12*3+4", "<think>\nSo 23*17=391.</think>\n\\boxed{391}",
    "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>", "a<|im_end|>b", "<|im_start|", "é", "e\u0301", "ﬁ", "ａｂｃ", "日本語のテキスト", "中文分词测试", "한국어", "العربية مرحبا", "שלום", "हिन्दी में", "ไทย", "Ελληνικά",
    "Привет мир", "🙂", "👩‍👩‍👧‍👦", "🇫🇷🇩🇪", "a🙂b", "\u200b", "\u200d", "\ufeff", "\u00a0x\u00a0", "x\u2028y", "\r\n", "a\r\nb", "a\rb", "\x00", "\x7f", "\x1b[31m", "𝒳𝒴", "𐍈", "ﷺ", "İstanbul", "ß ẞ", "naïve café", "$\\frac{1}{2}$",
    "def f(x):\n    return x**2\n", "    indented", "\t\ttabs", "if(a&&b||!c){}", "http://a.b/c?d=e&f=g#h", "a_b_c__d", "CamelCaseWord", "αβγ=δ", "½ ¼ ²³", "Ⅻ", "١٢٣", "१२३", "１２３", "1️⃣", "...", "…", "—–-", "''\"\"``", "'s 't", "n't",
    "!!!???", "a  \n  b", "\n \n \n", "   \n", "\n   x", " \n", "x\n\n\n\ny", "tok" * 30, "a" * 90, " " * 40, "\n" * 20, "0" * 33, "</think>", "ͪͫ", "क्षि", "\U0001F469\U0001F3FD", "ǆ", "Å", "ﾊﾝｶｸ", "が", "㍿",
]
random.seed(7)
PARTS = ["a", "b", "Z", " ", "  ", "\n", "1", "9", ".", ",", "'", "é", "中", "🙂", "ß", "_", "-", "\t", "<", "|", ">", "the", " the", "ing", "\u0301", "०", "(", ")", "=", "+", "\\", "{", "}", "ﬁ", "한"]
while len(CURIOUS) < 230:
    CURIOUS.append("".join(random.choice(PARTS) for _ in range(random.randint(1, 40))))

TEXT = [(Path(__file__).parent / name).read_text() for name in ("peer.py", "readers.py", "families.py")] + CURIOUS * 2
MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
split = lambda numerals: pre_tokenizers.Split(Regex(WORDS % numerals), "isolated")
level = lambda regex: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
CUTS = {
    "smollm": (None, [pre_tokenizers.Digits(individual_digits=True), level(True)], False),
    "qwen2": (normalizers.NFC(), [split(r"\p{N}"), level(False)], False),
    "llama-bpe": (None, [split(r"\p{N}{1,3}"), level(False)], True),
}
TEMPLATE = """{%- for message in messages %}
    {%- if loop.first and message.role != 'system' %}
        {{- '<|im_start|>system\\nBe brief.<|im_end|>\\n' }}
    {%- endif %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}
{%- endfor %}
{% if add_generation_prompt %}
<|im_start|>assistant
{% endif %}"""
TALKS = [
    [{"role": "user", "content": "What is 17 + 25?"}],
    [{"role": "system", "content": "Think.\n"}, {"role": "user", "content": " Hi "}, {"role": "assistant", "content": "42"}, {"role": "user", "content": "{{ no }}"}],
]
render = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE).render
(OUT / "tokenizers").mkdir(parents=True, exist_ok=True)
made = {"strings": CURIOUS, "template": TEMPLATE, "talks": [{"messages": talk, "text": render(messages=talk, add_generation_prompt=True)} for talk in TALKS], "tokenizers": {}}
for name, (normalizer, steps, whole) in CUTS.items():
    tokenizer = Tokenizer(models.BPE(ignore_merges=whole))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=700, special_tokens=MARKS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in CURIOUS]
    made["tokenizers"][name] = {"json": json.loads(tokenizer.to_str()), "ids": ids, "decoded": [tokenizer.decode(each, skip_special_tokens=False) for each in ids]}
(OUT / "tokenizers" / "reference.json").write_text(json.dumps(made) + "\n")
