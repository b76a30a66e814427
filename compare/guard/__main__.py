"""`python -I -S compare/guard ORDER`: run a program as described by ORDER, a JSON object.

- command: the executable and its arguments.     folder: its working directory.
- report: descriptor of a pipe to which a line of JSON is written when the program has ended.
- alive: descriptor of a pipe; when its other end is closed, everything is ended.
- limits: memory, disk, seconds, processes, ...; null for none.
- namespaces: whether the program gets its own process, network and IPC namespaces.
- files: arguments of `private_root.enter`; null to use the machine's file system.
- user: number of the user to change to, which requires root; null to keep the user.
"""

import json
import os
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from compare.guard import family, kernel
from compare.guard.keeper import Keeper, isolated


def main() -> None:
    """Run the program, and end everything it started."""
    order = json.loads(sys.argv[1])
    for pipe in (order["report"], order["alive"]):
        os.set_inheritable(pipe, False)
    if not order["namespaces"]:
        Keeper(order).run()
        return
    enter_namespaces(order)
    first = os.fork()
    if first == 0:
        guarded(lambda: isolated(order), order)
        os._exit(0)
    os.waitpid(first, 0)
    family.end_descendants()


def enter_namespaces(order: dict[str, Any]) -> None:
    """Create new namespaces for our child processes."""
    kinds = kernel.NEW_MOUNTS | kernel.NEW_PROCESSES | kernel.NEW_NETWORK | kernel.NEW_IPC
    uid, gid = os.getuid(), os.getgid()

    def enter() -> None:
        if order["user"] is not None:
            kernel.unshare(kinds | kernel.NEW_NAMES)
            return
        kernel.unshare(kinds | kernel.NEW_NAMES | kernel.NEW_USERS)
        kernel.map_user(uid, gid)

    guarded(enter, order)


def guarded(step: Any, order: dict[str, Any]) -> None:
    """Run a step that the system may not allow; report a failure and exit."""
    try:
        step()
    except OSError as error:
        os.write(order["report"], json.dumps({"failed": str(error)}).encode() + b"\n")
        os._exit(1)


if __name__ == "__main__":
    main()
