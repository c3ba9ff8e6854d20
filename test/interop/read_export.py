"""Reads the exports of a corpus with each peer's own reader, and compares every window with the shards.

    read_export.py CORPUS FORM FOLDER [ORDER]      FORM: hf, parquet, mds, megatron, npy; ORDER: a JSON list of window numbers

What is expected is read off the corpus by docs/format.md with pyarrow alone. Prints counts as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np
import peers
import pyarrow as pa


def table(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def expected(corpus: Path, subset: str) -> dict[int, dict]:
    """Global number of a window to its row."""
    manifest = json.loads((corpus / "manifest.json").read_text())
    first_document = {split["split"]: split["firstDocument"] for split in manifest["splits"]}
    sources = sorted(manifest["ledgerBySource"])
    rows = {}
    for split in manifest["splits"]:
        for shard in split["shards"]:
            if shard["subset"] != subset:
                continue
            windows, masks = table(corpus / shard["path"]), table(corpus / shard["mask"]["path"])
            masks = masks.to_pydict()
            for row in range(windows.num_rows):
                number = split["firstWindow"] + shard["firstWindow"] + row
                segments = windows["segments"][row].as_py()
                ids = windows["input_ids"][row].values.to_numpy()
                positions, completion = np.zeros(len(ids), np.int32), np.zeros(len(ids), np.int8)
                cu_seqlens = masks["cu_seqlens"][row]
                for start, end in zip(cu_seqlens[:-1], cu_seqlens[1:]):
                    positions[start:end] = np.arange(end - start)
                for s in segments:
                    completion[s["start"] + s["prompt_tokens"] : s["start"] + s["length"]] = 1
                rows[number] = {
                    "window": number,
                    "input_ids": ids,
                    "num_tokens": windows["num_tokens"][row].as_py(),
                    "cu_seqlens": cu_seqlens,
                    "max_seqlen": masks["max_seqlen"][row],
                    "seq_lengths": np.diff(cu_seqlens),
                    "segment_lengths": [s["length"] for s in segments],
                    "segment_prompts": [s["prompt_tokens"] for s in segments],
                    "segment_documents": [first_document[s["split"]] + s["document"] for s in segments],
                    "segment_offsets": [s["document_offset"] for s in segments],
                    "segment_sources": [sources.index(s["source"]) for s in segments],
                    "position_ids": positions,
                    "completion_mask": completion,
                }
    return rows


def read_hf(folder: Path):
    from datasets import load_from_disk

    dataset = load_from_disk(str(folder)).with_format("numpy")
    assert str(dataset.split) == json.loads((folder / "export.json").read_text())["subset"]
    return dataset


def read_parquet(folder: Path):
    import pyarrow.parquet as pq
    from datasets import load_dataset

    subset = json.loads((folder / "export.json").read_text())["subset"]
    loaded = load_dataset("parquet", data_dir=str(folder), cache_dir=str(folder.parent / "cache"))
    assert list(loaded) == [subset], list(loaded)
    dataset = loaded[subset]
    # pyarrow by itself as well, file by file.
    files = sorted(folder.glob("*.parquet"))
    tables = [pq.ParquetFile(file).read() for file in files]
    for part in tables:
        part.validate(full=True)
    whole = pa.concat_tables(tables)
    assert whole.num_rows == dataset.num_rows
    assert whole.cast(dataset.data.table.schema).equals(dataset.data.table.combine_chunks()), "pyarrow and datasets differ"
    about = [json.loads(pq.ParquetFile(file).metadata.metadata[b"ultraprep"]) for file in files]
    plan = json.loads((folder / "export.json").read_text())["plan"]
    assert all(entry["plan"] == plan for entry in about)
    return dataset.with_format("numpy")


def read_mds(folder: Path):
    LocalDataset, _ = peers.mosaic()
    dataset = LocalDataset(str(folder))
    from streaming.base.hashing import get_hash

    for shard in dataset.shards:
        shard.validate(allow_unsafe_types=False)
        raw = (folder / shard.raw_data.basename).read_bytes()
        assert len(raw) == shard.raw_data.bytes and get_hash("sha256", raw) == shard.raw_data.hashes["sha256"]
    return dataset


def read_npy(folder: Path):
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    offsets = {name: arrays.pop(f"{name}_offsets") for name in ("cu_seqlens", "seq_lengths", "segments")}
    count = len(arrays["window"])
    rows = []
    for row in range(count):
        values = {}
        for name, array in arrays.items():
            lists = offsets.get("segments" if name.startswith("segment_") else name)
            values[name] = array[row] if lists is None else array[lists[row] : lists[row + 1]]
        rows.append(values)
    return rows


def read_megatron(folder: Path):
    indexed = peers.megatron()(str(folder / "tokens"))
    rows = read_npy(folder)
    assert len(indexed) == len(rows)
    assert indexed.document_indices.tolist() == list(range(len(rows) + 1))
    for number, row in enumerate(rows):
        # A copy: Megatron's reader unmaps its file when it goes, whoever still looks at it.
        row["input_ids"] = indexed[number].copy()
    return rows


def same(found, wanted, name: str) -> None:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape and (found == wanted).all(), (name, found, wanted)


def main(corpus: Path, form: str, folder: Path, order: list[int] | None) -> None:
    manifest = json.loads((folder / "export.json").read_text())
    wanted = expected(corpus, manifest["subset"])
    numbers = order or sorted(wanted)
    rows = {"hf": read_hf, "parquet": read_parquet, "mds": read_mds, "megatron": read_megatron, "npy": read_npy}[form](folder)
    assert len(rows) == len(numbers) == manifest["windows"]
    tokens = values = 0
    for row, number in zip(rows, numbers, strict=True):
        assert set(row) == set(manifest["columns"]), (set(row), manifest["columns"])
        for name in row:
            same(row[name], wanted[number][name], f"window {number}, {name}")
            values += 1
        tokens += int(row["num_tokens"])
    print(json.dumps({"windows": len(numbers), "tokens": tokens, "values": values, "columns": sorted(manifest["columns"])}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), json.loads(sys.argv[4]) if len(sys.argv) > 4 else None)
