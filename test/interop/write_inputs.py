"""Writes the same texts as other tools do: Parquet of every codec and page version, Arrow of every text type, bzip2 and xz."""
import bz2, json, lzma, pathlib, random, sys
import pyarrow as pa, pyarrow.feather as feather, pyarrow.parquet as pq

out = pathlib.Path(sys.argv[1])
draw = random.Random(5)
words = ["fish", "Käse", "三国演义", "😀", "\n", "\t", "<|eos|>", "\u0000", "word"]
texts = [" ".join(draw.choices(words, k=draw.randrange(1, 60))) for _ in range(700)]
texts[3] = "x" * 200_000
texts[4] = "ab" * 70_000 + "y" * 1000
texts[5] = texts[6] = texts[7]
ids = [f"id {i}" for i in range(len(texts))]
messages = [[{"role": "user", "content": t}, {"role": "assistant", "content": t[::-1]}] for t in texts]
(out / "texts.json").write_text(json.dumps(texts))


def table(kind=pa.string(), more=False):
    text = pa.array(texts, kind) if not pa.types.is_dictionary(kind) else pa.array(texts).dictionary_encode()
    columns = {"other": pa.array(range(len(texts))), "id": ids, "text": text}
    if more:
        columns |= {"meta": pa.array([{"text": t} for t in texts]), "messages": pa.array(messages)}
    return pa.table(columns)


for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
    for page in ["1.0", "2.0"]:
        for kind, name in [(pa.string(), "dictionary"), (pa.large_string(), "plain")]:
            pq.write_table(table(kind), out / f"{codec}-{page}-{name}.parquet", compression=codec, data_page_version=page,
                           use_dictionary=name == "dictionary", row_group_size=250, write_page_index=page == "2.0")
pq.write_table(table(pa.string_view()), out / "view.parquet")
pq.write_table(table(more=True), out / "nested.parquet", data_page_version="2.0", compression="zstd")
pq.write_table(table(), out / "delta.parquet", use_dictionary=False, column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY"})
pq.write_table(table(), out / "prefixes.parquet", use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})

kinds = {"utf8": pa.string(), "large": pa.large_string(), "view": pa.string_view(), "binary": pa.binary(),
         "dictionary": pa.dictionary(pa.int32(), pa.string())}
for name, kind in kinds.items():
    for form, new in [("stream", pa.ipc.new_stream), ("file", pa.ipc.new_file)]:
        with new(out / f"{name}-{form}.arrow", table(kind).schema) as writer:
            writer.write_table(table(kind), max_chunksize=250)
feather.write_feather(table(more=True), out / "nested.feather", compression="uncompressed", chunksize=250)
growing = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
parts = [pa.array(texts[:at]).dictionary_encode() for at in (300, 700)]
batches = [pa.table({"text": parts[0]}), pa.table({"text": pa.DictionaryArray.from_arrays(parts[1].indices[300:], parts[1].dictionary)})]
with pa.ipc.new_stream(out / "deltas.arrow", batches[0].schema, options=growing) as writer:
    for batch in batches:
        writer.write_table(batch)
with pa.ipc.new_stream(out / "replaced.arrow", batches[0].schema) as writer:
    for part in (texts[:300], texts[300:]):
        writer.write_table(pa.table({"text": pa.array(part).dictionary_encode()}))
feather.write_feather(table(), out / "refused-lz4.feather", compression="lz4")

lines = "".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts).encode()
for level in (1, 9):
    (out / f"level{level}.jsonl.bz2").write_bytes(bz2.compress(lines, level))
(out / "parts.jsonl.bz2").write_bytes(b"".join(bz2.compress(lines[at:at + 9999]) for at in range(0, len(lines), 9999)))
(out / "bytes.txt.bz2").write_bytes(bz2.compress(bytes(range(128)) * 50 + b"".join(b"z" * n + b"." for n in range(600))))
for check, name in [(lzma.CHECK_CRC32, "crc32"), (lzma.CHECK_CRC64, "crc64"), (lzma.CHECK_NONE, "none")]:
    (out / f"{name}.jsonl.xz").write_bytes(lzma.compress(lines, check=check))
for level in (1, 19):
    with pa.CompressedOutputStream(str(out / f"stream{level}.jsonl.zst"), "zstd") as sink:
        sink.write(lines)
    (out / f"frame{level}.jsonl.zst").write_bytes(pa.Codec("zstd", level).compress(lines, asbytes=True) * 1)
