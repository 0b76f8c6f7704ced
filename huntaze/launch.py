"""A program of its own: becomes another program, as another user if asked, that ends when its parent does.

    python -I -S launch.py SIGNAL PARENT UID GID PROGRAM [ARGUMENT ...]

A preexec_fn could do the same, but not safely where the parent has threads. Only the standard
library is imported, and little of it: it takes 20 ms.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(with_signal: int, parent: int) -> None:
    """Ask the kernel for `with_signal` when our parent, process `parent`, ends in any way (on Linux only).

    The next fork, and a change of user, cancel it. If the parent is gone already, we get the signal at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, with_signal)
        if os.getppid() != parent:
            os.kill(os.getpid(), with_signal)


def main() -> None:
    with_signal, parent, uid, gid = (int(argument) for argument in sys.argv[1:5])
    if uid != os.getuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    die_with_parent(with_signal, parent)
    os.execv(sys.argv[5], sys.argv[5:])  # noqa: S606


if __name__ == "__main__":
    main()
