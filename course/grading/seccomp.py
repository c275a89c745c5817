"""A filter of system calls for a sandbox: what no answer needs, and what has let programs out of sandboxes.

The filter is a program for the kernel's classic BPF machine, as ``seccomp(2)`` takes it (Linux v3.5 and
later). A call on the list fails with EPERM, one that the C library has an older way for with ENOSYS. All
other calls are let through: namespaces, limits and the read-only file system do the rest.
"""

from __future__ import annotations

import errno
import platform
import struct

__all__ = ["ARCHITECTURES", "REFUSED", "program"]

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH of the machines for which the numbers below are known (include/uapi/linux/audit.h)."""

# Numbers on x86_64 and on arm64: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
REFUSED = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "mount": (165, 40),
    "move_mount": (429, 429),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmget": (29, 194),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}
CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)
NAMESPACES = 0x7E020000  # CLONE_NEW*, all of them but CLONE_NEWTIME, which clone does not take
FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6: there is no other network than the sandbox's own

LOAD, EQUAL, ABOVE, ANY_OF, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCH, ARGUMENT_0 = 0, 4, 16  # offsets in struct seccomp_data; the lower half of the first argument
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
X32 = 0x40000000  # numbers of another calling convention of x86_64


def program(machine: str | None = None) -> bytes:
    """Give the filter.

    Parameters
    ----------
    machine : str, optional
        A key of `ARCHITECTURES`; this machine if left out.

    Returns
    -------
    bytes
        Instructions of 8 bytes each (struct sock_filter).

    Raises
    ------
    ValueError
        The numbers of system calls on this machine are not known here.
    """
    machine = machine or platform.machine()
    if machine not in ARCHITECTURES:
        raise ValueError(f"system calls of {machine} are not known; known are {', '.join(ARCHITECTURES)}.")
    column = list(ARCHITECTURES).index(machine)
    code = [
        (LOAD, 0, 0, ARCH),
        (EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (ABOVE, 0, 1, X32),
        (RETURN, 0, 0, FAIL | errno.EPERM),
        (EQUAL, 0, 1, CLONE3[column]),
        (RETURN, 0, 0, FAIL | errno.ENOSYS),
    ]
    for numbers in REFUSED.values():
        code += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, FAIL | errno.EPERM)]
    # clone: not with a namespace of its own.
    code += [
        (EQUAL, 0, 4, CLONE[column]),
        (LOAD, 0, 0, ARGUMENT_0),
        (ANY_OF, 0, 1, NAMESPACES),
        (RETURN, 0, 0, FAIL | errno.EPERM),
        (RETURN, 0, 0, ALLOW),
    ]
    # socket: of the usual families only.
    code += [(EQUAL, 0, 2 + len(FAMILIES), SOCKET[column]), (LOAD, 0, 0, ARGUMENT_0)]
    code += [(EQUAL, len(FAMILIES) - n, 0, family) for n, family in enumerate(FAMILIES)]
    code += [(RETURN, 0, 0, FAIL | errno.EAFNOSUPPORT), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *one) for one in code)
