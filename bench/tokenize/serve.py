"""A child process: `serve.py ENGINE THREADS`. What serve.mjs is, for engines that Python has."""

import hashlib
import json
import resource
import sys
import time

import numpy as np


class HuggingFace:
    """tokenizers 1.0: strings in; ids stay in Encoding objects, as in the Node binding of 0.23."""

    def __init__(self, model, threads):
        import tokenizers

        self.version = tokenizers.__version__
        self.tokenizer = tokenizers.Tokenizer.from_file(model)

    def prepare(self, documents):
        return [document.decode() for document in documents]

    def encode(self, documents):
        return self.tokenizer.encode_batch(documents, add_special_tokens=False, encode_special_tokens=True)

    def ids(self, made, i):
        return made[i].ids


class Quicktok:
    """quicktok: strings in, one numpy array of ids and one of offsets out."""

    def __init__(self, model, threads):
        import quicktok

        self.version = quicktok.__version__
        self.threads = threads
        self.tokenizer = quicktok.get_encoding(model)

    def prepare(self, documents):
        return [document.decode() for document in documents]

    def encode(self, documents):
        return self.tokenizer.encode_batch(documents, self.threads)

    def ids(self, made, i):
        return made[0][made[1][i] : made[1][i + 1]]


class Gigatoken:
    """gigatoken: bytes in, an Awkward array (ids and offsets) out."""

    def __init__(self, model, threads):
        import importlib.metadata

        import gigatoken

        self.version = importlib.metadata.version("gigatoken")
        self.parallel = threads > 1
        self.tokenizer = gigatoken.Tokenizer(model)

    def prepare(self, documents):
        return documents

    def encode(self, documents):
        return self.tokenizer.encode_batch(documents, parallel=self.parallel)

    def ids(self, made, i):
        return made[i]


ENGINES = {"huggingface": HuggingFace, "quicktok": Quicktok, "gigatoken": Gigatoken}


def read(path):
    with open(path, "rb") as file:
        count = int.from_bytes(file.read(4), "little")
        lengths = np.frombuffer(file.read(4 * count), dtype="<u4")
        return [file.read(int(length)) for length in lengths]


def main():
    name, threads = sys.argv[1], int(sys.argv[2])
    engine = documents = made = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["command"] == "load":
                raw = read(command["documents"])
                cpu, began = time.process_time(), time.perf_counter()
                engine = ENGINES[name](command["model"], threads)
                engine.encode(engine.prepare([b"hello"]))
                answer = {
                    "milliseconds": (time.perf_counter() - began) * 1000,
                    "cpuMilliseconds": (time.process_time() - cpu) * 1000,
                    "version": engine.version,
                }
                documents = engine.prepare(raw)
            elif command["command"] == "pass":
                made = None
                cpu, began = time.process_time(), time.perf_counter()
                made = engine.encode(documents)
                answer = {"seconds": time.perf_counter() - began, "cpuSeconds": time.process_time() - cpu}
            elif command["command"] == "ids":
                digests = []
                for i in command["indices"]:
                    ids = np.asarray(engine.ids(made, i)).astype("<i4").tobytes()
                    digests.append(hashlib.sha1(ids).hexdigest()[:16])
                resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                answer = {"digests": digests, "megabytesResident": resident}
            reply = {"answer": answer}
        except ModuleNotFoundError as error:
            reply = {"error": f"not installed: {error.name}"}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
