#!/usr/bin/env python3
"""Count samples/corpus with samples/tokenizer.json; print the table, or with --write put it in samples/README.md."""

from __future__ import annotations

import re
import sys

from tokenizers import Tokenizer

from corpus import SAMPLES, check, read_corpus

HEAD = "| file | documents | bytes of text | shortest | longest | tokens | bytes per token |"
MARKS = re.compile(r"(?<=<!-- counts -->\n).*?(?=<!-- /counts -->)", re.DOTALL)


def row(name: str, sizes: list[int], tokens: int) -> str:
    cells = (len(sizes), sum(sizes), min(sizes), max(sizes), tokens)
    return f"| {name} | " + " | ".join(f"{n:,}" for n in cells) + f" | {sum(sizes) / tokens:.2f} |"


def table() -> str:
    """A Markdown table: one row a file, and the total."""
    files = read_corpus()
    check(files)
    tokenizer = Tokenizer.from_file(str(SAMPLES / "tokenizer.json"))
    rows, all_sizes, all_tokens = [], [], 0
    for name, texts in files.items():
        sizes = [len(text.encode()) for text in texts]
        tokens = sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts)
        rows.append(row(f"`{name}`", sizes, tokens))
        all_sizes += sizes
        all_tokens += tokens
    rows.append(row("total", all_sizes, all_tokens))
    return "\n".join([HEAD, "|---|" + "---:|" * 6, *rows]) + "\n"


def main() -> None:
    text = table()
    if sys.argv[1:] == ["--write"]:
        readme = SAMPLES / "README.md"
        readme.write_text(MARKS.sub(text, readme.read_text("utf-8")), "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
