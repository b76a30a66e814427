#!/usr/bin/env bash
# What only a GPU machine can show, in at most 6 minutes: the CUDA tests, the equality of stacked
# slices on the device, and the table of speeds beside JAX and torch.func, printed last.
#
#   benchmarks/gpu.sh [--device cuda] [--quick] [--seconds 240] [--json gpu.json] [--data PATH]
#
# Runs from a bare checkout, without network; nothing is installed. CIFAR-10 is used where --data
# or TWINGRAD_DATA names it, noise of the same shape otherwise. The JSON is written after every row.
set -uo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=. OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} XLA_PYTHON_CLIENT_PREALLOCATE=false
python=${PYTHON:-python3}
failed=0
# An interrupt, so that both still say what they have; a kill for what does not hear it.
timeout --signal=INT --kill-after=5 75 "$python" -m pytest -q -rs -W default -p no:cacheprovider \
  --noconftest tests/gpu/test_cuda.py || failed=1
timeout --signal=INT --kill-after=5 270 "$python" -m benchmarks.gpu --json gpu.json "$@" || failed=1
exit "$failed"
