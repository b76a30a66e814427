"""A private file system for a program: the system's libraries, its Python, and its folder.

Nothing else of the machine is visible. Only the program's folder can be changed; it is in memory
and limited in size.
"""

import os
import shutil

from compare.guard import kernel

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")

SETTINGS = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/etc/fonts",
)

DEVICES = ["null", "zero", "full", "random", "urandom"]

MAX_FILES = 20_000
"""Maximum number of files and folders that the program may create."""


def enter(root: str, work: str, shown: list[str], hidden: list[str], size: int, owner: int) -> None:
    """Create the file system and enter it; for a process in new mount and process namespaces.

    Arguments:
        root: an empty folder in which it is created.
        work: the program's folder; a copy of it is made at the same path.
        shown: further files and folders that are visible, such as the prefix of its Python.
        hidden: folders below these that appear empty.
        size: maximum number of bytes that the program may write.
        owner: the user that may write.

    Raises:
        OSError: the system does not allow it.
    """
    kernel.mount("", "/", "", kernel.RECURSIVE | kernel.PRIVATE)
    flags = kernel.NO_SETUID | kernel.NO_DEVICES
    kernel.mount("tmpfs", root, "tmpfs", flags, f"size={size},nr_inodes={MAX_FILES},mode=755")
    for path in SYSTEM:
        if os.path.islink(path):
            os.symlink(os.readlink(path), root + path)
    bound: list[str] = []
    for path in [*SYSTEM, *SETTINGS, *sorted(shown)]:
        for place in dict.fromkeys((os.path.realpath(path), os.path.abspath(path))):
            show(root, path, place, bound)
    for path in hidden:
        if os.path.isdir(root + path):
            kernel.mount("tmpfs", root + path, "tmpfs", flags | kernel.READ_ONLY, "size=4k")
    make_read_only(root)
    add_devices(root)
    os.mkdir(root + "/proc")
    quiet = flags | kernel.NO_EXECUTION | kernel.READ_ONLY
    kernel.mount("proc", root + "/proc", "proc", quiet)
    for path in ("/tmp", "/var/tmp", "/dev/shm"):
        os.makedirs(root + path, exist_ok=True)
        os.chmod(root + path, 0o1777)
    shutil.copytree(work, root + work, symlinks=True, dirs_exist_ok=True)
    give(root + work, owner)
    os.chdir(root)
    kernel.mount(root, "/", "", kernel.MOVE)
    os.chroot(".")
    os.chdir("/")


def show(root: str, path: str, place: str, bound: list[str]) -> None:
    """Make a file or folder of the machine visible at a path, unless something is there already."""
    if not os.path.exists(path) or os.path.lexists(root + place):
        return
    if any(place.startswith(other + "/") for other in bound):
        return
    make_place(root + place, os.path.isdir(path))
    kernel.mount(path, root + place, "", kernel.BIND | kernel.RECURSIVE)
    bound.append(place)


def make_place(target: str, is_folder: bool) -> None:
    """Create an empty folder or file as a mount point."""
    os.makedirs(target if is_folder else os.path.dirname(target), exist_ok=True)
    if not is_folder:
        os.close(os.open(target, os.O_CREAT, 0o644))


def make_read_only(root: str) -> None:
    """Make every mount below the root read-only."""
    with open("/proc/self/mountinfo") as file:
        places = [unescaped(line.split()[4]) for line in file]
    for place in places:
        if place.startswith(root + "/"):
            kept = os.statvfs(place).f_flag & kernel.NO_EXECUTION
            flags = kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY
            flags |= kernel.NO_SETUID | kernel.NO_DEVICES | kept
            kernel.mount("", place, "", flags)


def unescaped(text: str) -> str:
    r"""A path as /proc writes it, where \040 is a space."""
    return text.encode().decode("unicode_escape").encode("latin-1").decode()


def add_devices(root: str) -> None:
    """Add the devices that are harmless."""
    os.mkdir(root + "/dev")
    for name in DEVICES:
        place = f"{root}/dev/{name}"
        make_place(place, is_folder=False)
        kernel.mount(f"/dev/{name}", place, "", kernel.BIND)
    os.symlink("/proc/self/fd", root + "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{root}/dev/{name}")


def give(folder: str, owner: int) -> None:
    """Change the owner of a folder and everything in it."""
    for path, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            os.chown(os.path.join(path, name), owner, owner, follow_symlinks=False)
    os.chown(folder, owner, owner)
