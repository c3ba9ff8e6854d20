#!/usr/bin/env python3
"""Train samples/tokenizer.json, a byte-level BPE of 4096 ids, on samples/corpus.

Python package: tokenizers 0.23.3 (requirements.txt). The split is the one of Llama 3. The texts
that are not English count WEIGHT times, so that they get merges of their own. The three special
tokens take the last ids. The same corpus gives a byte-identical file.

usage: make-tokenizer.py [TOKENIZER]   (default: samples/tokenizer.json of this repository)
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402

from corpus import SAMPLES, check, read_corpus  # noqa: E402

SIZE = 4096
SPECIAL = ("<|mask|>", "<|bos|>", "<|eos|>")
WEIGHT = {"rights.json": 3, "poems.parquet": 3}
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train(files: dict[str, list[str]]) -> Tokenizer:
    """The tokenizer of these documents."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE - len(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for name, documents in files.items() for text in documents * WEIGHT.get(name, 1)]
    tokenizer.train_from_iterator(texts, trainer=trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def check_tokenizer(tokenizer: Tokenizer, files: dict[str, list[str]]) -> None:
    """Raise ValueError unless ids are dense, bytes complete, special tokens last and every document comes back."""
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    if sorted(vocabulary.values()) != list(range(SIZE)):
        raise ValueError("the ids are not dense")
    if [tokenizer.token_to_id(token) for token in SPECIAL] != list(range(SIZE - len(SPECIAL), SIZE)):
        raise ValueError("the special tokens are not last")
    if not set(pre_tokenizers.ByteLevel.alphabet()) <= vocabulary.keys():
        raise ValueError("a byte has no token")
    for name, texts in files.items():
        for number, text in enumerate(texts):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            if tokenizer.decode(ids, skip_special_tokens=False) != text:
                raise ValueError(f"{name}: document {number} does not come back from its ids")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", type=Path, nargs="?", default=SAMPLES / "tokenizer.json")
    args = parser.parse_args()
    files = read_corpus()
    check(files)
    tokenizer = train(files)
    check_tokenizer(tokenizer, files)
    tokenizer.save(str(args.tokenizer), pretty=True)


if __name__ == "__main__":
    main()
