"""Lets torch's wheel be imported where there is no CUDA: 1.3 GB on disk in place of 5.6.

The wheel's libraries ask for CUDA's by name when they are loaded, and call none of them on a CPU. For each that is not there this
makes one with the symbols that are asked for, every one a function that returns an error. For tests on a CPU, and nothing else.
"""

import re
import subprocess
import sys
import sysconfig
from collections import defaultdict
from pathlib import Path

LIBRARIES = Path(sysconfig.get_path("purelib")) / "torch/lib"
CUDA = re.compile(r"lib(cu|nccl|nv)")
# cudaErrorNoDevice: that there is none is nothing torch stumbles over.
NO_DEVICE = 100


def run(*command: str, text: str | None = None) -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def asked_for() -> tuple[set[str], dict[str | None, set[tuple[str, str]]]]:
    """Libraries by name; (symbol, version) by the library that the version is of, or None where it has no version."""
    names: set[str] = set()
    symbols: dict[str | None, set[tuple[str, str]]] = defaultdict(set)
    for path in LIBRARIES.glob("*.so*"):
        names |= {n for n in re.findall(r"NEEDED.*\[(.+)\]", run("readelf", "-d", str(path))) if CUDA.match(n)}
        library, version_of = None, {}
        for line in run("readelf", "-V", str(path)).splitlines():
            if found := re.search(r"File: (\S+)", line):
                library = found[1]
            elif found := re.search(r"Name: (\S+)", line):
                version_of[found[1]] = library
        for line in run("nm", "-D", "--undefined-only", str(path)).splitlines():
            symbol, _, version = line.split()[-1].partition("@")
            symbols[version_of.get(version)].add((symbol, version))
    return names, symbols


def main() -> None:
    if subprocess.run([sys.executable, "-c", "import torch"], capture_output=True).returncode == 0:
        return  # CUDA is there, or this has been done.
    names, symbols = asked_for()
    missing = sorted(name for name in names if not (LIBRARIES / name).exists())
    # What has no version may be of any of them.
    unversioned = {one for one in symbols[None] if re.match(r"nccl|cu[A-Z]|nv[A-Z]|cufft|cublas|cusparse", one[0])}
    for i, name in enumerate(missing):
        own = symbols[name] | (unversioned if i == 0 else set())
        versions = sorted({version for _, version in own if version})
        script = LIBRARIES / "versions.map"
        script.write_text(
            "".join(f"{v} {{ global: {' '.join(f'{s};' for s, of in own if of == v)} }};\n" for v in versions)
        )
        source = "".join(f"int {symbol}(void) {{ return {NO_DEVICE}; }}\n" for symbol in sorted({symbol for symbol, _ in own}))
        flags = [f"-Wl,-soname,{name}", *([f"-Wl,--version-script={script}"] if versions else [])]
        run("cc", "-shared", "-nostdlib", "-fPIC", "-fno-builtin", "-w", *flags, "-x", "c", "-", "-o", str(LIBRARIES / name), text=source)
        script.unlink()


main()
