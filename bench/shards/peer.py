"""One measurement of mosaicml-streaming: `peer.py FOLDER "read sequential|random" PASSES` or `... write LENGTH WINDOWS`."""

import json
import resource
import shutil
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "test/interop"))
import peers  # noqa: E402

LocalDataset, MDSWriter = peers.mosaic()


def timed(windows: int, run) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    run()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"windows": windows, "seconds": seconds, "cpuSeconds": cpu}))


def write(folder: str, length: int, count: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    windows = [np.random.default_rng(i).integers(0, 151_936, length, np.int32) for i in range(64)]

    def run() -> None:
        with MDSWriter(out=folder, columns={"input_ids": f"ndarray:int32:{length}"}) as writer:
            for i in range(count):
                writer.write({"input_ids": windows[i % 64]})

    timed(count, run)


def read(folder: str, order: str, passes: int) -> None:
    dataset = LocalDataset(folder)
    count = len(dataset)
    numbers = np.random.default_rng(7).permutation(count).tolist() if order == "random" else range(count)

    def one() -> None:
        for i in numbers:
            dataset[i]

    one()
    timed(count * passes, lambda: [one() for _ in range(passes)])


folder, what, *numbers = sys.argv[1:]
if what == "write":
    write(folder, *map(int, numbers))
else:
    read(folder, what.split()[1], int(numbers[0]))
