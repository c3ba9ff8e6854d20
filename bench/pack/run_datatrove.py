"""run_datatrove.py TOKENIZER WINDOW OUT FILES...: datatrove's tokenizer in two processes, then its merge. It packs nothing."""

import glob
import json
import logging
import os
import sys

tokenizer_file, _, out, *files = sys.argv[1:]
os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

from datatrove.executor import LocalPipelineExecutor  # noqa: E402
from datatrove.pipeline.readers import JsonlReader  # noqa: E402
from datatrove.pipeline.tokens import DocumentTokenizer, DocumentTokenizerMerger  # noqa: E402
from loguru import logger  # noqa: E402

if __name__ == "__main__":
    logger.remove()
    logging.disable()
    folder = os.path.commonpath([os.path.dirname(file) for file in files])
    paths = f"{out}/paths"
    with open(paths, "w") as list_of_paths:
        list_of_paths.writelines(f"{os.path.relpath(file, folder)}\n" for file in files)
    LocalPipelineExecutor(
        pipeline=[
            JsonlReader(folder, paths_file=paths),
            DocumentTokenizer(f"{out}/tokenized", tokenizer_file, shuffle_documents=False),
        ],
        tasks=2,
        workers=2,
        logging_dir=f"{out}/log-tokenize",
        skip_completed=False,
    ).run()
    LocalPipelineExecutor(
        pipeline=[DocumentTokenizerMerger(f"{out}/tokenized", f"{out}/merged", "corpus", shuffle=False, progress=False)],
        tasks=1,
        logging_dir=f"{out}/log-merge",
        skip_completed=False,
    ).run()
    size = sum(os.path.getsize(file) for file in glob.glob(f"{out}/merged/*.ds"))
    # u32 ids: Qwen's do not fit two bytes.
    print(json.dumps({"windows": None, "tokens": size // 4, "fill": None}))
