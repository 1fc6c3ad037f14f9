"""Large memory pages for a training: 6 to 9 % faster steps on the CPU (docs/adr/0004-huge-pages.md)."""

import os
import platform
import sys
from pathlib import Path

# Read by glibc when a process starts, never later. What is freed in one of its arenas no thread of another can use:
# with eight for each core these pages of 2 MB would take 55 MB more. Source: The GNU C Library, Tunables (2.35).
TUNABLES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=2"}
SYSTEM = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def restart_with_huge_pages() -> None:
    """Start this process again, under the same number, with a memory allocator that asks for huge pages.

    Where that has been done, tunables are set by the user, or the system gives none on request, nothing happens.
    """
    if not TUNABLES.keys() & os.environ.keys() and is_given_on_request():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | TUNABLES)


def is_given_on_request() -> bool:
    """Tell whether a program has to ask for huge pages, and glibc can: some systems give them always, some never."""
    try:
        return "[madvise]" in SYSTEM.read_text() and platform.libc_ver()[0] == "glibc"
    except OSError:
        return False
