"""Check that a Ray cluster answers at an address, before anything is written.

Ray itself waits several minutes for a cluster that is not there, and cannot be interrupted.
"""

import importlib.util
import socket
import subprocess
import sys
import time

from twingrad.errors import UserError

ANSWER = 12.0
"""Seconds within which a cluster must answer, including the start of the process that asks."""

CONNECT = "import ray, sys; ray.init(sys.argv[1], logging_level='ERROR', log_to_driver=False)"


def require_cluster(address: str) -> None:
    """Raise UserError unless Ray is installed and a cluster of its version answers.

    Another process connects to the cluster while this one imports Ray, since both take seconds.
    """
    if importlib.util.find_spec("ray") is None:
        raise UserError("--cluster needs Ray; pip install 'twingrad[cluster]'")
    if "://" in address or (address != "auto" and ":" not in address):
        raise UserError(
            f"--cluster {address}: is no address such as 10.0.0.1:6379, and not auto; run the "
            "sweep on a node of the cluster"
        )
    try:
        if address != "auto":
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), 3.0).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(f"--cluster {address}: no Ray cluster is there ({error})") from None
    command = [sys.executable, "-c", CONNECT, address]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        started = time.monotonic()
        importlib.import_module("ray")
        try:
            left = max(started + ANSWER - time.monotonic(), 1.0)
            errors = child.communicate(timeout=left)[1].decode()
        except subprocess.TimeoutExpired:
            child.kill()
            raise UserError(
                f"--cluster {address}: no Ray cluster answered within {ANSWER:.0f} s"
            ) from None
    if child.returncode:
        lines = errors.strip().splitlines() or ["no reason given"]
        reason = next((line for line in lines if "Error: " in line), lines[-1])
        raise UserError(f"--cluster {address}: cannot be used ({reason.strip()})")
