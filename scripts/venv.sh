#!/usr/bin/env bash
# Makes .venv with what the interop tests compare against: 460 MB, half a minute. What cannot be had is named, and its tests are
# skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] || python3 -m venv .venv
install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
install pyarrow==26.0.1 numpy==2.4.6
install datasets==5.2.0 || echo "venv: no datasets, its interop tests will be skipped"
# mosaicml-streaming and megatron-core ask for torch, which on PyPI brings 2 GB of CUDA, for the clients of four clouds and more.
# Reading their formats needs none of it (test/interop/peers.py), so they come alone, with what their readers import.
{ install brotli==1.2.0 pillow==13.0.0 python-snappy==0.7.3 xxhash==4.1.0 zstd==1.5.7.2 tqdm filelock typing_extensions &&
  install --no-deps mosaicml-streaming==0.13.0; } || echo "venv: no mosaicml-streaming, its interop tests will be skipped"
install --no-deps megatron-core==0.16.1 || echo "venv: no megatron-core, its interop tests will be skipped"
