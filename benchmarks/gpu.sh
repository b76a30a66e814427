#!/usr/bin/env bash
# Everything that needs a GPU, in at most 6 minutes: the CUDA tests, the equality of stacked slices
# on the device, and the speeds compared with JAX and torch.func.
#
#   benchmarks/gpu.sh [--device cuda] [--quick] [--seconds 240] [--json gpu.json] [--data PATH]
#
# Runs in a bare checkout without network access and installs nothing. CIFAR-10 is used if --data or
# TWINGRAD_DATA is set, otherwise noise of the same shape. The JSON is written after every row.
set -uo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=. OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} XLA_PYTHON_CLIENT_PREALLOCATE=false
python=${PYTHON:-python3}
failed=0
# On timeout, interrupt first, so that both still report their results; then kill.
timeout --signal=INT --kill-after=5 75 "$python" -m pytest -q -rs -W default -p no:cacheprovider \
  --noconftest tests/gpu/test_cuda.py || failed=1
timeout --signal=INT --kill-after=5 270 "$python" -m benchmarks.gpu --json gpu.json "$@" || failed=1
exit "$failed"
