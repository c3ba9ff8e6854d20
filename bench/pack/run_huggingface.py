"""run_huggingface.py TOKENIZER WINDOW OUT FILES...: datasets.map with a fast tokenizer, then TRL's best-fit packing, saved to disk."""

import json
import os
import sys

tokenizer_file, window, out, *files = sys.argv[1:]
os.environ.update(HF_HOME=f"{out}/home", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

from datasets import load_dataset  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
from trl.data_utils import pack_dataset  # noqa: E402

tokenizer = PreTrainedTokenizerFast(tokenizer_file=tokenizer_file)


def tokenize(batch):
    return {"input_ids": tokenizer(batch["text"], add_special_tokens=False)["input_ids"]}


if __name__ == "__main__":
    dataset = load_dataset("json", data_files=files, split="train")
    dataset = dataset.map(tokenize, batched=True, num_proc=2, remove_columns=dataset.column_names)
    packed = pack_dataset(dataset, int(window), strategy="bfd_split")
    packed.save_to_disk(f"{out}/packed")
    tokens = sum(sum(lengths) for lengths in packed["seq_lengths"])
    print(json.dumps({"windows": len(packed), "tokens": tokens, "fill": tokens / (len(packed) * int(window))}))
