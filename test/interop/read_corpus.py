"""Reads a corpus folder with pyarrow and numpy alone, by docs/format.md, and prints what it finds as JSON.

An oracle for the format: nothing here was written with the project's own code at hand but the page.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa


def open_table(path: Path) -> pa.Table:
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    table.validate(full=True)
    return table


def philox(counter: list[np.ndarray], key: tuple[int, int]) -> list[np.ndarray]:
    """Philox4x32-10 on uint32 vectors."""
    c = [x.astype(np.uint64) for x in counter]
    k0, k1 = key
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0 = c[0] * np.uint64(0xD2511F53)
        p1 = c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & mask, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def masked_positions(units: np.ndarray, p: np.ndarray, key: int, length: int) -> np.ndarray:
    """[length] bool: the upper 24 bits of a position's word, below p * 2**24 of its unit."""
    blocks = np.arange((length + 3) // 4, dtype=np.uint64)
    zero = np.zeros_like(blocks)
    words = np.stack(philox([blocks, zero, zero, zero + 4], (key & 0xFFFFFFFF, key >> 32)), axis=1).reshape(-1)[:length]
    threshold = np.zeros(length, dtype=np.uint64)
    threshold[: units.sum()] = np.repeat((p.astype(np.float64) * 2**24).astype(np.uint64), units)
    return (words >> np.uint64(8)) < threshold


def training_order(count: int, seed: int, epoch: int) -> np.ndarray:
    i = np.arange(count, dtype=np.uint64)
    zero = np.zeros_like(i)
    low, high, *_ = philox([i, zero, zero + epoch, zero + 1], (seed & 0xFFFFFFFF, seed >> 32))
    return np.argsort((high << np.uint64(32)) | low, kind="stable")


def main(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    length = manifest["windowLength"]
    noise = open_table(folder / "noise/pass-000.arrow")
    ids_hash, masked_hash = hashlib.sha256(), hashlib.sha256()
    tokens = documents = zero_copies = 0
    for split in manifest["splits"]:
        if split["table"]:
            documents += open_table(folder / split["table"]["path"]).num_rows
        for shard in split["shards"]:
            table = open_table(folder / shard["path"])
            before = pa.total_allocated_bytes()
            ids = np.concatenate([c.flatten().to_numpy() for c in table["input_ids"].chunks]).reshape(-1, length)
            zero_copies += pa.total_allocated_bytes() == before
            mapped = np.memmap(folder / shard["path"], dtype=np.uint8, mode="r")
            parts = [mapped[b["offset"] : b["offset"] + b["windows"] * length * 4].view("<i4") for b in shard["batches"]]
            assert (np.concatenate(parts).reshape(-1, length) == ids).all(), shard["path"]
            masks = open_table(folder / shard["mask"]["path"])
            for row, (window, count, segments) in enumerate(
                zip(ids, table["num_tokens"].to_pylist(), table["segments"].to_pylist(), strict=True)
            ):
                number = split["firstWindow"] + shard["firstWindow"] + row
                assert [s["start"] for s in segments] == list(np.cumsum([0] + [s["length"] for s in segments])[:-1])
                if manifest["policy"] == "adaptive":
                    groups = [s["start"] for s in segments] + ([count] if count < length else []) + [length]
                    assert masks["cu_seqlens"][row].as_py() == groups, (shard["path"], row)
                tokens += count
                ids_hash.update(window.astype("<i4").tobytes())
                entry = noise.slice(number, 1)
                units, p = entry["unit_lengths"][0].values.to_numpy(), entry["p"][0].values.to_numpy()
                masked_hash.update(masked_positions(units, p, entry["key"][0].as_py(), length).astype(np.uint8).tobytes())
    order = training_order(manifest["windows"]["train"], manifest["order"]["seed"], 1)
    result = {
        "tokens": tokens,
        "documents": documents,
        "zeroCopies": zero_copies,
        "ids": ids_hash.hexdigest(),
        "masked": masked_hash.hexdigest(),
        "order": hashlib.sha256(order.astype("<i4").tobytes()).hexdigest(),
        "arrow": pa.__version__,
    }
    print(json.dumps(result))


main(Path(sys.argv[1]))
