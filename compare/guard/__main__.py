"""`python -I -S compare/guard ORDER`: runs a program as ORDER, a JSON object, says.

- command: the executable and its arguments.     folder: its working directory.
- report: descriptor of a pipe that gets a line of JSON when the program starts and when it ended.
- alive: descriptor of a pipe; once its other end is closed, everything is ended.
- limits: memory, disk, seconds, processes, ...; null for none.
- namespaces: whether the program gets processes, network and IPC of its own.
- files: of its own file system, see `private_root`; null for the machine's.
- user: the number of the user to become, for which this must be root; null to stay.
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
    """Namespaces of our own; our children are in them."""
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
    """Does a step that the system may not allow; its failure is reported, and ends this."""
    try:
        step()
    except OSError as error:
        os.write(order["report"], json.dumps({"failed": str(error)}).encode() + b"\n")
        os._exit(1)


if __name__ == "__main__":
    main()
