#!/usr/bin/env bash
# Makes .venv with what the interop tests compare against: 1.8 GB, a minute. What cannot be had is named, and its tests are
# skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] || python3 -m venv .venv
install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
install pyarrow==26.0.1 numpy==2.4.6
install datasets==5.2.0 || echo "venv: no datasets, its interop tests will be skipped"
install tensorboard==2.21.0 || echo "venv: no tensorboard, its interop tests will be skipped"
# mosaicml-streaming and megatron-core ask for torch, which on PyPI brings 2 GB of CUDA, for the clients of four clouds and more.
# Reading their formats needs none of it (test/interop/peers.py), so they come alone, with what their readers import.
{ install brotli==1.2.0 pillow==13.0.0 python-snappy==0.7.3 xxhash==4.1.0 zstd==1.5.7.2 tqdm filelock typing_extensions &&
  install --no-deps mosaicml-streaming==0.13.0; } || echo "venv: no mosaicml-streaming, its interop tests will be skipped"
install --no-deps megatron-core==0.16.1 || echo "venv: no megatron-core, its interop tests will be skipped"
# torch for the reader in samples/pytorch. PyPI has no build of it for CPUs alone, and 4 GB of CUDA come with it, which no test
# needs: the wheel comes alone (540 MB), and is made to be imported without them.
{ install sympy==1.14.0 mpmath==1.3.0 networkx==3.6 jinja2==3.1.6 markupsafe typing_extensions filelock fsspec &&
  install --no-deps torch==2.15.0 &&
  .venv/bin/python scripts/torch-without-cuda.py &&
  .venv/bin/python -c 'import torch; torch.zeros(1)' 2>/dev/null; } ||
  { .venv/bin/python -m pip uninstall --quiet --yes torch || true; echo "venv: no torch, its interop tests will be skipped"; }
