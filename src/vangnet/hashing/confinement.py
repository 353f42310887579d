"""Taking rights away from the calling process, for good: resource limits, Landlock, seccomp.

The kernel's own interfaces, called through `ctypes`, because a decoding process must be able to do this between `fork`
and the first hostile byte without starting anything. What stays allowed is what decoding needs: memory, time, randomness,
reading descriptors that are open already, and writing to one of them. Nothing else of the kernel can be reached: no file
can be opened, no socket made, no process started, no program run, no other process looked into. (A thread can be
started: the HEIC decoder insists on one. It has no more rights than the process.)

Sources: seccomp(2), landlock(7), prctl(2), Linux's `include/uapi` for the numbers.
"""

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SECCOMP_GET_ACTION_AVAIL = 2
# The same on every architecture.
_SYS_LANDLOCK_CREATE_RULESET = 444
_SYS_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1

_RET_KILL_PROCESS = 0x80000000
_RET_ERRNO = 0x00050000
_RET_ALLOW = 0x7FFF0000
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
#: On x86-64, calls of the x32 interface carry this bit; they would pass by other numbers.
_X32_BIT = 0x40000000
_PROT_EXEC = 4

#: What decoding needs. (x86-64 number, aarch64 number)
_ALLOWED = {
    "read": (0, 63),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "close": (3, 57),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "brk": (12, 214),
    "madvise": (28, 233),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
#: Allowed unless the memory would be executable: code that came in as data cannot be run.
_NOT_EXECUTABLE = {"mmap": (9, 222), "mprotect": (10, 226)}
_WRITE = (1, 64)
#: A thread is made by `clone` with both flags. `clone3` hides its flags from filters; libraries do without it.
_CLONE = (56, 220)
_CLONE_THREAD_FLAGS = 0x00010000 | 0x00000100
_CLONE3 = (435, 435)
#: Asked for by libraries that can live without; the rest of the kernel is asked for by an attacker only.
_REFUSED = {
    "open": (2, -1),
    "openat": (257, 56),
    "stat": (4, -1),
    "lstat": (6, -1),
    "newfstatat": (262, 79),
    "access": (21, -1),
    "faccessat": (269, 48),
    "readlink": (89, -1),
    "readlinkat": (267, 78),
    "getcwd": (79, 17),
    "ioctl": (16, 29),
    "fcntl": (72, 25),
    "sched_getaffinity": (204, 123),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "prlimit64": (302, 261),
    "getrlimit": (97, 163),
    "socket": (41, 198),
    "fork": (57, -1),
    "vfork": (58, -1),
    "tgkill": (234, 131),
    "memfd_create": (319, 279),
    "prctl": (157, 167),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What this kernel offers for isolation."""

    #: Landlock's version, 0 where there is none (kernels before 5.13, or switched off).
    landlock: int
    seccomp: bool

    @property
    def complete(self) -> bool:
        """Whether decoding is isolated by both."""
        return self.seccomp and self.landlock > 0

    def missing(self) -> list[str]:
        """What is missing, in a sentence each, for the log and `/readyz`."""
        sentences = []
        if not self.seccomp:
            sentences.append("the kernel has no seccomp filters for this processor: nothing is decoded")
        if not self.landlock:
            sentences.append("the kernel has no Landlock: decoders are held by seccomp alone")
        return sentences


def features() -> Features:
    """What this kernel offers. Changes nothing."""
    return Features(landlock=_landlock_version(), seccomp=_has_seccomp())


class Confinement:
    """All that is needed to confine a process, made ready beforehand so that a fork needs only a few calls."""

    def __init__(self, *, answer_fd: int, memory_bytes: int, cpu_seconds: int) -> None:
        self._filter, self._filter_memory = _seccomp_filter(answer_fd)
        self._ruleset = _landlock_ruleset()
        self._limits = (
            (resource.RLIMIT_AS, address_space() + memory_bytes),
            (resource.RLIMIT_CPU, cpu_seconds),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        )

    def keep_open(self) -> list[int]:
        """Descriptors that `enter` needs."""
        return [] if self._ruleset is None else [self._ruleset]

    def enter(self) -> None:
        """Gives up all rights but those above; there is no way back. Raises OSError where the kernel refuses."""
        _prctl(_PR_SET_PDEATHSIG, 9)
        _prctl(_PR_SET_DUMPABLE, 0)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        for limit, value in self._limits:
            resource.setrlimit(limit, (value, value))
        self.restrict_files()
        # From now on no descriptor can be made; those that are open stay.
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(self._filter))

    def restrict_files(self) -> None:
        """The part that Landlock does: no file, no TCP, no signal to others. Nothing, where the kernel has no Landlock."""
        if self._ruleset is not None:
            _prctl(_PR_SET_NO_NEW_PRIVS, 1)
            _syscall(_SYS_LANDLOCK_RESTRICT_SELF, self._ruleset, 0)
            os.close(self._ruleset)


def drop_user() -> None:
    """Root becomes nobody, where it may: in some containers it may not, and the rest of the confinement holds anyway."""
    if os.geteuid() == 0:
        nobody = 65534
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(nobody, nobody, nobody)
            os.setresuid(nobody, nobody, nobody)


def address_space() -> int:
    """Bytes of address space that this process has now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


# --- seccomp ------------------------------------------------------------------------------------------------------


class _SockFprog(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _has_seccomp() -> bool:
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        return False
    action = ctypes.c_uint32(_RET_KILL_PROCESS)
    return bool(_LIBC.syscall(_SYS_SECCOMP[machine], _SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0)


def _seccomp_filter(answer_fd: int) -> "tuple[_SockFprog, ctypes.Array[ctypes.c_char]]":
    """The filter as the kernel takes it, and the memory it lies in.

    The data a filter sees (seccomp(2)): number at 0, architecture at 4, arguments of eight bytes from 16 on.
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"there is no seccomp filter for {machine}")
    which = 0 if machine == "x86_64" else 1
    refuse = _return(_RET_ERRNO | errno.EPERM)
    program = [
        _load(4),
        *_unless_equal(_AUDIT_ARCH[machine], [_return(_RET_KILL_PROCESS)]),
        _load(0),
    ]
    if machine == "x86_64":
        program += [_jump(0x35, _X32_BIT, 0, 1), _return(_RET_KILL_PROCESS)]
    for numbers in _ALLOWED.values():
        program += _if_equal(numbers[which], [_return(_RET_ALLOW)])
    for numbers in _NOT_EXECUTABLE.values():
        program += _if_equal(
            numbers[which], [_load(16 + 2 * 8), _jump(0x45, _PROT_EXEC, 0, 1), refuse, _return(_RET_ALLOW)]
        )
    program += _if_equal(_WRITE[which], [_load(16), *_unless_equal(answer_fd, [refuse]), _return(_RET_ALLOW)])
    program += _if_equal(
        _CLONE[which],
        [
            _load(16),
            _instruction(0x54, 0, 0, _CLONE_THREAD_FLAGS),
            *_unless_equal(_CLONE_THREAD_FLAGS, [refuse]),
            _return(_RET_ALLOW),
        ],
    )
    program += _if_equal(_CLONE3[which], [_return(_RET_ERRNO | errno.ENOSYS)])
    for numbers in _REFUSED.values():
        if numbers[which] >= 0:
            program += _if_equal(numbers[which], [refuse])
    program.append(_return(_RET_KILL_PROCESS))
    memory = ctypes.create_string_buffer(b"".join(program))
    return _SockFprog(len(program), ctypes.addressof(memory)), memory


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(0x20, 0, 0, offset)


def _jump(code: int, value: int, if_true: int, if_false: int) -> bytes:
    return _instruction(code, if_true, if_false, value)


def _return(value: int) -> bytes:
    return _instruction(0x06, 0, 0, value)


def _if_equal(value: int, then: list[bytes]) -> list[bytes]:
    return [_jump(0x15, value, 0, len(then)), *then]


def _unless_equal(value: int, then: list[bytes]) -> list[bytes]:
    return [_jump(0x15, value, len(then), 0), *then]


# --- Landlock -----------------------------------------------------------------------------------------------------


def _landlock_version() -> int:
    version = _LIBC.syscall(_SYS_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    return max(int(version), 0)


def _landlock_ruleset() -> int | None:
    """A ruleset that handles every right this kernel knows and grants none."""
    version = _landlock_version()
    if version == 0:
        return None
    # Rights came by version: 13 on files, then refer (2), truncate (3), TCP (4), ioctl (5), scopes (6).
    file_rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    attribute = struct.pack("=QQQ", (1 << file_rights) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    memory = ctypes.create_string_buffer(attribute[:size], size)
    return _syscall(_SYS_LANDLOCK_CREATE_RULESET, memory, size, 0)


# --- calling the kernel -------------------------------------------------------------------------------------------


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    if _LIBC.prctl(option, *padded) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _syscall(number: int, *arguments: object) -> int:
    result = _LIBC.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)
