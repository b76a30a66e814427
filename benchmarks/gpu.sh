#!/usr/bin/env bash
# What only a GPU machine can show: the CUDA tests, the equality of stacked slices on the device,
# and the table of speeds, printed last.
#
#   benchmarks/gpu.sh [--device cuda] [--quick] [--out gpu.json] [--data PATH]
#
# Runs from a bare checkout; nothing is installed. CIFAR-10 is used where --data or TWINGRAD_DATA
# names it, noise of the same shape otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=. OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
python=${PYTHON:-python3}
failed=0
"$python" -m pytest -q -rs -W default -p no:cacheprovider --noconftest tests/gpu tests/torch_impl ||
  failed=1
"$python" -m benchmarks.gpu "$@" || failed=1  # a failed test must not cost the table
exit "$failed"
