"""Read samples/corpus: the documents of each file, and the rules they keep."""

from __future__ import annotations

import gzip
import json
import unicodedata
from pathlib import Path

import pyarrow.parquet as pq

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def texts_of(path: Path) -> list[str]:
    """The documents of one file, in order."""
    if path.suffix == ".txt":
        return [path.read_bytes().decode("utf-8")]
    if path.suffix == ".parquet":
        return pq.read_table(path, columns=["text"])["text"].to_pylist()
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".json":
        return [document["text"] for document in json.loads(data)]
    return [json.loads(line)["text"] for line in data.decode("utf-8").split("\n") if line]


def read_corpus(folder: Path = SAMPLES / "corpus") -> dict[str, list[str]]:
    """Every file of the corpus by its path, in sorted order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): texts_of(path) for path in paths}


def check(files: dict[str, list[str]]) -> None:
    """Raise ValueError on an empty or repeated document, a control, unassigned or replacement character."""
    seen: set[str] = set()
    for name, texts in files.items():
        for number, text in enumerate(texts):
            if not text.strip():
                raise ValueError(f"{name}: document {number} is empty")
            if text in seen:
                raise ValueError(f"{name}: document {number} is a repetition")
            seen.add(text)
            for character in set(text) - {"\n", "\t"}:
                if unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs") or character in "\ufffd\ufeff":
                    raise ValueError(f"{name}: document {number} holds U+{ord(character):04X}")
