"""`twingrad bench`: what is claimed, measured."""

from benchmarks.manual_speed import manual_speed
from benchmarks.peers import peers
from benchmarks.torch_speed import torch_speed
from benchmarks.training import benchmark
from scripts.program import plain_app
from validation import checkers

app = plain_app(help="What is claimed about speed and about the checker, measured.")
app.command(name="training")(benchmark)
app.command(name="manual-speed")(manual_speed)
app.command(name="torch-speed")(torch_speed)
app.command(name="peers")(peers)
app.command(name="checkers")(checkers)
