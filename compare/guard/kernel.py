"""Linux system calls that Python does not provide: namespaces, mounts, capabilities, prctl."""

import contextlib
import ctypes
import os
import resource
import sys

LINUX = sys.platform == "linux"

NEW_MOUNTS, NEW_NAMES, NEW_IPC = 0x00020000, 0x04000000, 0x08000000
NEW_USERS, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
"""Kinds of namespaces, as in unshare(2)."""

READ_ONLY, NO_SETUID, NO_DEVICES, NO_EXECUTION = 1, 2, 4, 8
REMOUNT, BIND, MOVE, RECURSIVE, PRIVATE = 32, 4096, 8192, 16384, 1 << 18
"""Flags of mount(2)."""

PARENT_DEATH_SIGNAL, CHILD_SUBREAPER, NO_NEW_PRIVILEGES = 1, 36, 38
DROP_BOUNDING, AMBIENT, AMBIENT_CLEAR_ALL = 24, 47, 4
"""Options of prctl(2)."""

CAPABILITIES = 64
"""More than the number of capabilities."""

CAPABILITY_VERSION = 0x20080522


def libc() -> ctypes.CDLL:
    """The C library."""
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    """Raise OSError if a system call failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(kinds: int) -> None:
    """Move this process into new namespaces; process namespaces apply to its children only."""
    checked(libc().unshare(kinds), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount a file system, or change a mount."""
    words = [text.encode() or None for text in (source, target, kind)]
    checked(
        libc().mount(*words, ctypes.c_ulong(flags), data.encode() or None), f"mounting {target}"
    )


def prctl(option: int, value: int = 0, more: int = 0) -> None:
    """Set a property of this process, if the kernel supports it."""
    if LINUX:
        libc().prctl(option, *(ctypes.c_ulong(number) for number in (value, more, 0, 0)))


def map_user(uid: int, gid: int) -> None:
    """Map the user to the same number inside a new user namespace."""
    with contextlib.suppress(OSError), open("/proc/self/setgroups", "w") as file:
        file.write("deny")
    for name, number in (("uid_map", uid), ("gid_map", gid)):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(f"{number} {number} 1")


def drop_privileges(user: int | None) -> None:
    """Drop all capabilities permanently, and change to another user if one is given."""
    prctl(NO_NEW_PRIVILEGES, 1)
    for capability in range(CAPABILITIES):
        prctl(DROP_BOUNDING, capability)
    prctl(AMBIENT, AMBIENT_CLEAR_ALL)
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    if LINUX:
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        libc().capset(header, (ctypes.c_uint32 * 6)())


def limit(kind: int, value: int) -> None:
    """Lower a resource limit; a limit that is already lower stays."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (value, value))
