"""The sandbox: what a confined process may not do, and what crashes, hangs and lies cost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pictures import encoded, photo, reference
from PIL import Image
from running.states import wait_until

from vangnet.hashing import sandbox as sandbox_module
from vangnet.hashing.confinement import Features, features
from vangnet.hashing.model import Convention, Decoded, Excerpt, Limits, MediaFormat, Pixels, Reason
from vangnet.hashing.sandbox import Sandbox
from vangnet.hashing.wire import Job, pack_pixels, unpack_pixels

FULL = frozenset({Convention.FULL})
PHOTO = photo(1, 320, 240)
JPEG = encoded(PHOTO, "JPEG", quality=90)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(processes=2) as sandbox:
        yield sandbox


def decode(sandbox: Sandbox, data: bytes = JPEG, media_format: MediaFormat = MediaFormat.JPEG) -> Decoded | Reason:
    return sandbox.decode(data, media_format, FULL)


def works(sandbox: Sandbox) -> bool:
    return isinstance(decode(sandbox), Decoded)


# --- what a confined process may not do ---------------------------------------------------------------------------

#: Each line is run in a process of its own, confined as a decoding process is. `libc`: the C library, for calls that
#: Python would not make.
ATTACKS = {
    "open a file to read": "open('/etc/passwd').read()",
    "open a file by another call": "syscall(437, -100, b'/etc/passwd', ctypes.create_string_buffer(24), 24)",
    "write a file": "open('/tmp/vangnet-was-here', 'w')",
    "make a file in memory": "os.memfd_create('x')",
    "list a folder": "os.listdir('/')",
    "look whether a file exists": "os.stat('/etc/passwd')",
    "delete a file": "os.unlink('/tmp/vangnet-victim')",
    "make a TCP socket": "socket.socket()",
    "make a UNIX socket": "socket.socket(socket.AF_UNIX)",
    "make a pair of sockets": "socket.socketpair()",
    "make a pipe": "os.pipe()",
    "copy a descriptor": "os.dup(10)",
    "send descriptors": "socket.send_fds(channel, [b'x'], [11])",
    "fork": "os.fork()",
    "fork by vfork": "syscall(58)",
    "make a process by clone": "syscall(56, 17, 0, 0, 0, 0)",
    "run a program": "os.execv('/bin/true', ['/bin/true'])",
    "trace the parent": "libc.ptrace(16, os.getppid(), 0, 0) and refused()",
    "read another process's memory": "syscall(310, os.getppid(), 0, 0, 0, 0, 0)",
    "kill the parent": "os.kill(os.getppid(), 9)",
    "kill everything": "os.kill(-1, 9)",
    "raise its own limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "become root": "os.setuid(0)",
    "change the folder": "os.chdir('/')",
    "leave for another namespace": "libc.unshare(0x10000000) and refused()",
    "mount": "libc.mount(b'none', b'/mnt', b'tmpfs', 0, 0) and refused()",
    "write elsewhere than to its channel": "os.write(11, b'x')",
    "make memory executable": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "make memory executable afterwards": "libc.mprotect(ctypes.c_void_p(page), 4096, 7) and refused()",
    "load a kernel program": "syscall(321, 0, 0, 0)",
    "use io_uring": "syscall(425, 1, ctypes.create_string_buffer(120))",
    "use the 32-bit interface": "syscall(0x40000000 + 39)",
    "take more memory than allowed": "bytearray(1 << 31)",
}
ATTACK = """
import ctypes, errno, mmap, os, resource, socket, sys
from vangnet.hashing.confinement import Confinement

libc = ctypes.CDLL(None, use_errno=True)
ours, channel = socket.socketpair()
os.dup2(channel.fileno(), 10)
os.dup2(os.memfd_create("file"), 11)
region = mmap.mmap(-1, 4096)
page = ctypes.addressof(ctypes.c_char.from_buffer(region))

def refused():
    raise OSError(ctypes.get_errno(), "refused")

def syscall(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        refused()

confinement = Confinement(answer_fd=10, memory_bytes=1 << 28, cpu_seconds=5)
child = os.fork()
if child == 0:
    try:
        if sys.argv[2] == "confined":
            confinement.enter()
        eval(sys.argv[1])
    except (OSError, MemoryError):
        os._exit(3)
    os._exit(0)
_, status = os.waitpid(child, 0)
print("killed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == 31 else os.waitstatus_to_exitcode(status))
"""


def attack(expression: str, confined: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", ATTACK, expression, confined], capture_output=True, text=True, check=True, timeout=300
    )
    return result.stdout.strip()


@pytest.mark.parametrize("what", ATTACKS)
def test_a_confined_process_cannot(what: str) -> None:
    assert attack(ATTACKS[what], "confined") in {"killed", "3"}


@pytest.mark.parametrize(
    "what",
    ["open a file to read", "make a TCP socket", "make a pipe", "look whether a file exists", "copy a descriptor",
     "write elsewhere than to its channel", "make memory executable afterwards", "make a file in memory"],
)  # fmt: skip
def test_an_unconfined_process_can(what: str) -> None:
    # Otherwise the test above would prove nothing.
    assert attack(ATTACKS[what], "free") == "0"


@pytest.mark.parametrize("what", ["run a program", "trace the parent", "load a kernel program", "use io_uring"])
def test_what_no_decoder_asks_for_ends_the_process(what: str) -> None:
    assert attack(ATTACKS[what], "confined") == "killed"


def test_landlock_alone_refuses_files_too() -> None:
    code = ATTACK.replace("confinement.enter()", "confinement.restrict_files()")
    for expression in ("open('/etc/passwd').read()", "os.listdir('/')", "open('/tmp/vangnet-was-here', 'w')"):
        result = subprocess.run(
            [sys.executable, "-c", code, expression, "confined"], capture_output=True, text=True, check=True, timeout=300
        )
        assert result.stdout.strip() == ("3" if features().landlock else "0")


def test_a_decoding_process_holds_two_descriptors_and_no_secret(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VANGNET_DATABASE_URL", "postgresql://secret")
    with Sandbox(processes=1) as other:
        child = other._take()
        assert child is not None
        with child:
            assert child._handle is not None
            pid = pid_of(child._handle)
            wait_until(lambda: b"Seccomp:\t2" in Path(f"/proc/{pid}/status").read_bytes())
            assert sorted(path.name for path in Path(f"/proc/{pid}/fd").iterdir()) == ["10", "11"]
            assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            assert "NoNewPrivs:\t1" in status
            if os.geteuid() == 0:
                assert "Uid:\t65534" in status


def pid_of(handle: int) -> int:
    lines = Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("Pid:")).split()[1])


# --- what a bad file costs ----------------------------------------------------------------------------------------


def test_no_two_files_share_a_process(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []
    take = sandbox._take

    def remember() -> "sandbox_module._Child | None":
        child = take()
        assert child is not None
        assert child._handle is not None
        pids.append(pid_of(child._handle))
        return child

    monkeypatch.setattr(sandbox, "_take", remember)
    for _ in range(12):
        assert works(sandbox)
    assert len(set(pids)) == 12


def test_a_crash_is_that_file_s_alone(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing(sandbox, monkeypatch, signal.SIGSEGV)
    assert decode(sandbox) is Reason.CRASHED
    monkeypatch.undo()
    assert works(sandbox)


def crashing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """From now on every process gets the signal as soon as it has its file."""
    start = sandbox_module._Child.start

    def start_and_signal(child: sandbox_module._Child, data: bytes, job: Job) -> bool:
        assert child._handle is not None
        signal.pidfd_send_signal(child._handle, signal.SIGSTOP)
        started = start(child, data, job)
        if number != signal.SIGSTOP:
            signal.pidfd_send_signal(child._handle, number)
            signal.pidfd_send_signal(child._handle, signal.SIGCONT)
        return started

    monkeypatch.setattr(sandbox_module._Child, "start", start_and_signal)


def test_a_hang_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(limits=Limits(seconds=0.3), processes=1) as sandbox:
        crashing(sandbox, monkeypatch, signal.SIGSTOP)
        started = time.monotonic()
        assert decode(sandbox) is Reason.TIMED_OUT
        assert time.monotonic() - started >= 0.3
        monkeypatch.undo()
        wait_until(lambda: works(sandbox))


def test_memory_is_limited() -> None:
    # 20,000 x 20,000 grey pixels are 400 million bytes, from a file of half a million.
    bomb = encoded(Image.new("L", (20_000, 20_000)), "PNG")
    with Sandbox(limits=Limits(pixels=1_000_000_000, memory_bytes=200_000_000), processes=1) as sandbox:
        assert decode(sandbox, bomb, MediaFormat.PNG) is Reason.TOO_LARGE
        assert works(sandbox)


def test_a_file_over_the_limit_is_not_decoded() -> None:
    with Sandbox(limits=Limits(bytes=len(JPEG) - 1), processes=1) as sandbox:
        done: list[int] = []
        answer = sandbox.decode(JPEG, MediaFormat.JPEG, FULL, meanwhile=lambda: done.append(1))
        assert answer is Reason.TOO_LARGE
        assert done == [1]


def test_a_killed_zygote_is_replaced(sandbox: Sandbox) -> None:
    for _ in range(3):
        assert works(sandbox)
        zygote = sandbox._zygote
        assert zygote is not None
        zygote._process.kill()
        zygote._process.wait()
        assert works(sandbox)
        assert sandbox._zygote is not zygote


def test_without_a_zygote_every_file_says_so_and_the_pool_heals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Sandbox(processes=1) as sandbox:
        done: list[int] = []
        answer = sandbox.decode(JPEG, MediaFormat.JPEG, FULL, meanwhile=lambda: done.append(1))
        assert answer is Reason.NOT_ISOLATED
        assert done == [1]
        monkeypatch.undo()
        assert works(sandbox)


def test_a_process_that_lies_is_not_believed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for lie in (b"\xff\xff\xff\xff", b"\x05\0\0\0VGN1\0", b"\x18\0\0\0" + bytes(24), b"\x04\0\0\0abcd"):
        monkeypatch.setattr(sandbox_module._Child, "_receive_exactly", reader(lie))
        assert decode(sandbox) is Reason.CRASHED
    monkeypatch.undo()
    assert works(sandbox)


def reader(data: bytes) -> Callable[[object, int], bytes]:
    rest = bytearray(data)

    def receive(child: object, length: int) -> bytes:
        if length > len(rest):
            raise ConnectionError
        piece = bytes(rest[:length])
        del rest[:length]
        return piece

    return receive


def test_many_threads_share_a_sandbox(sandbox: Sandbox) -> None:
    images = [photo(seed, 200 + seed, 150) for seed in range(24)]
    files = [encoded(image, "PNG") for image in images]
    bad = JPEG[:200]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda data: decode(sandbox, data, MediaFormat.PNG), [*files, bad]))
    assert answers.pop() is Reason.DAMAGED
    for image, answer in zip(images, answers, strict=True):
        assert isinstance(answer, Decoded)
        assert answer.frames[0].hashes()[Convention.FULL].hash == reference(image)[0]


def test_a_closed_sandbox_decodes_nothing_and_leaves_no_process(sandbox: Sandbox) -> None:
    assert works(sandbox)
    zygote = sandbox._zygote
    assert zygote is not None
    children = [pid_of(child._handle) for child in sandbox._spare if child.await_ready() and child._handle is not None]
    sandbox.close()
    assert decode(sandbox) is Reason.NOT_ISOLATED
    assert zygote._process.poll() is not None
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_descriptor_is_left_behind(sandbox: Sandbox) -> None:
    for _ in range(3):
        assert works(sandbox)
    before = open_descriptors()
    for _ in range(20):
        assert works(sandbox)
        assert decode(sandbox, JPEG[:300]) is Reason.DAMAGED
    assert open_descriptors() <= before + 6  # Two spare processes have three each.


# --- what the kernel lacks ----------------------------------------------------------------------------------------


def test_this_kernel_s_features_are_told() -> None:
    here = features()
    assert isinstance(here, Features)
    assert here.seccomp
    assert here.missing() == ([] if here.landlock else here.missing())


@pytest.mark.parametrize(("landlock", "seccomp", "sentences"), [(7, True, 0), (0, True, 1), (7, False, 1), (0, False, 2)])
def test_what_is_missing_is_told_in_sentences(landlock: int, seccomp: bool, sentences: int) -> None:
    told = Features(landlock=landlock, seccomp=seccomp)
    assert len(told.missing()) == sentences
    assert told.complete is (sentences == 0)


# --- excerpts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(10))
def test_an_excerpt_is_the_part_that_was_asked_for(sandbox: Sandbox, part: int) -> None:
    png = encoded(PHOTO, "PNG")
    found = sandbox.cut_out(png, MediaFormat.PNG, Excerpt(longest_side=1000, part=part, grey=False))
    row, column = divmod(part - 1, 3)
    box = (320 * column // 3, 240 * row // 3, 320 * (column + 1) // 3, 240 * (row + 1) // 3) if part else (0, 0, 320, 240)
    assert isinstance(found, Pixels)
    assert found.content == PHOTO.crop(box).tobytes()
    assert (found.width, found.height, found.channels) == (box[2] - box[0], box[3] - box[1], 3)


def test_an_excerpt_has_no_more_pixels_than_were_asked_for(sandbox: Sandbox) -> None:
    for side in (1, 14, 56, 319):
        found = sandbox.cut_out(JPEG, MediaFormat.JPEG, Excerpt(longest_side=side))
        assert isinstance(found, Pixels)
        assert (found.width, found.height, found.channels) == (side, max(1, 240 * side // 320), 1)
        assert "content" not in repr(found)


def test_of_a_damaged_file_as_much_is_shown_as_there_is_and_of_none_nothing(sandbox: Sandbox) -> None:
    asked = Excerpt(longest_side=100)
    assert isinstance(sandbox.cut_out(JPEG[: len(JPEG) // 2], MediaFormat.JPEG, asked), Pixels)
    assert sandbox.cut_out(b"\xff\xd8\xff nothing", MediaFormat.JPEG, asked) is Reason.DAMAGED
    small = Sandbox(limits=Limits(pixels=1000, bytes=10_000_000), processes=1)
    with small:
        assert small.cut_out(JPEG, MediaFormat.JPEG, asked) is Reason.TOO_LARGE
    with Sandbox(limits=Limits(bytes=10), processes=1) as tiny:
        assert tiny.cut_out(JPEG, MediaFormat.JPEG, asked) is Reason.TOO_LARGE


def test_an_answer_with_more_of_the_picture_than_was_asked_for_is_not_believed() -> None:
    job = Job(
        length=1, format=MediaFormat.PNG, conventions=frozenset(), pixels=1 << 20, frames=1, seconds=1,
        excerpt=Excerpt(longest_side=10),
    )  # fmt: skip
    honest = Pixels(width=10, height=8, channels=1, content=bytes(80))
    assert unpack_pixels(pack_pixels(honest), job) == honest
    assert unpack_pixels(pack_pixels(Reason.DAMAGED), job) is Reason.DAMAGED
    assert Job.unpack(job.pack()) == job
    lies = [
        Pixels(width=11, height=8, channels=1, content=bytes(88)),
        Pixels(width=10, height=11, channels=1, content=bytes(110)),
        Pixels(width=10, height=8, channels=3, content=bytes(240)),
        Pixels(width=10, height=8, channels=1, content=bytes(81)),
        Pixels(width=0, height=8, channels=1, content=b""),
    ]
    for lie in [*map(pack_pixels, lies), b"", pack_pixels(honest)[:-1], b"X" + pack_pixels(honest)[1:]]:
        with pytest.raises(ValueError, match="must"):
            unpack_pixels(lie, job)
