"""`python -m benchmarks.peers`."""

from benchmarks.peers.on_cpu import peers
from scripts.program import run_command

run_command(peers)
