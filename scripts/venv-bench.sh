#!/usr/bin/env bash
# Makes .venv-bench with the tools that `npm run bench:pack` runs beside this one, and puts those of `npm run bench:tokenize`
# into .venv (they want another version of the same library): 800 MB, two minutes. What cannot be had is named, and skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv-bench/bin/python ] || python3 -m venv .venv-bench
install() { ".venv$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"; }
install -bench 'datatrove[io,processing]==0.10.1' orjson==3.13.0 transformers==5.24.0 datasets==5.2.0 tokenizers==0.23.3 ||
  echo "venv-bench: no datatrove or datasets"
# Its packing needs none of what it asks for: torch alone is 2 GB.
install -bench --no-deps trl==1.16.0 accelerate==1.15.0 || echo "venv-bench: no TRL"
[ -x .venv/bin/python ] || python3 -m venv .venv
install '' numpy==2.4.6
install '' --no-deps tokenizers==1.0.0rc3 || echo "venv-bench: no tokenizers 1.0"
install '' quicktok-v1==0.4.0 || echo "venv-bench: no quicktok"
install '' gigatoken==0.10.0 || echo "venv-bench: no gigatoken"
