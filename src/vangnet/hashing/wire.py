"""The messages between us and a decoding process: a job, and its answer.

Fixed binary layouts. An answer comes from a process that hostile bytes may have taken over, so it is read as hostile too:
bounded, every field checked, nothing in it is ever executed, unpickled or used as a length without a limit.
"""

import struct
from dataclasses import dataclass

from vangnet.hashing.model import (
    COEFFICIENT_BYTES,
    CUTS_MOST,
    HASH_BYTES,
    STEPS_MOST,
    TRUSTED_QUALITY,
    WINDOWS_MOST,
    Convention,
    Cut,
    CutOut,
    Decoded,
    Excerpt,
    Frame,
    MediaFormat,
    MediaHash,
    Pixels,
    Reason,
    Transform,
)

#: Asks the zygote for a child, with two descriptors: the child's channel and its file.
FORK = b"f"
#: The zygote's first word; and a child's, with the descriptor by which it can be ended.
READY = b"r"

_CONVENTIONS = tuple(Convention)
_FORMATS = tuple(MediaFormat)
_CUTS = tuple(Cut)
#: What a decoding process may say. The other reasons are found out on our side.
_REASONS = (Reason.DAMAGED, Reason.TOO_LARGE, Reason.TOO_SMALL, Reason.TIMED_OUT, Reason.UNSUPPORTED)

#: length of the file, format, conventions as bits, whether cuts and whether windows are asked for, most pixels, most
#: frames, seconds; of an excerpt: its longest side (0: none is asked for), its part, grey
_JOB = struct.Struct("<QBB??QIfHBB")
JOB_BYTES = _JOB.size

#: Before an answer: its length. The end of the process is not waited for; clearing it away takes a while.
LENGTH = struct.Struct("<I")
#: magic, 0 or a reason's number, damaged, width, height, frames in all, frames that follow
_ANSWER = struct.Struct("<4sBBIIII")
_MAGIC = b"VGN1"
#: magic, 0 or a reason's number, width, height, channels; then the pixels
_PIXELS = struct.Struct("<4sBHHB")
_PIXELS_MAGIC = b"VGNP"
#: index, transforms that follow, cuts and windows that follow them
_FRAME = struct.Struct("<IBBH")
#: convention, quality, then the coefficients
_TRANSFORM = struct.Struct("<BB")
#: steps, each its number from 1 or 0 for none; then a transform
_CUT_OUT = struct.Struct(f"<{STEPS_MOST}s")
#: quality, hash
_WINDOW = struct.Struct(f"<B{HASH_BYTES}s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a decoding process is asked to do."""

    length: int
    format: MediaFormat
    conventions: frozenset[Convention]
    pixels: int
    frames: int
    seconds: float
    #: Whether the parts of each picture that are worth a look-up are hashed, too.
    cuts: bool = False
    #: Whether those of the first are hashed by which crops of it are found once it is listed.
    windows: bool = False
    #: Asked for in the place of hashes.
    excerpt: Excerpt | None = None

    def pack(self) -> bytes:
        """The job as bytes."""
        bits = sum(1 << _CONVENTIONS.index(convention) for convention in self.conventions)
        number = _FORMATS.index(self.format)
        asked = self.excerpt
        side, part, grey = (0, 0, False) if asked is None else (asked.longest_side, asked.part, asked.grey)
        return _JOB.pack(
            self.length, number, bits, self.cuts, self.windows, self.pixels, self.frames, self.seconds, side, part, grey
        )

    @classmethod
    def unpack(cls, data: bytes) -> "Job":
        """The job that was packed."""
        length, number, bits, cuts, windows, pixels, frames, seconds, side, part, grey = _JOB.unpack(data)
        return cls(
            length=length,
            format=_FORMATS[number],
            conventions=frozenset(convention for bit, convention in enumerate(_CONVENTIONS) if bits >> bit & 1),
            pixels=pixels,
            frames=frames,
            seconds=seconds,
            cuts=cuts,
            windows=windows,
            excerpt=Excerpt(longest_side=side, part=part, grey=bool(grey)) if side else None,
        )


def most_answer_bytes(job: Job) -> int:
    """An honest answer to `job` is at most so long."""
    if job.excerpt is not None:
        return _PIXELS.size + job.excerpt.longest_side**2 * (1 if job.excerpt.grey else 3)
    transform = _TRANSFORM.size + COEFFICIENT_BYTES
    cut_outs = CUTS_MOST * (_CUT_OUT.size + transform) if job.cuts else 0
    windows = WINDOWS_MOST * _WINDOW.size if job.windows else 0
    return _ANSWER.size + job.frames * (_FRAME.size + len(job.conventions) * transform + cut_outs) + windows


def pack_pixels(answer: Pixels | Reason) -> bytes:
    """The answer to a job that asks for an excerpt, as bytes."""
    if isinstance(answer, Reason):
        return _PIXELS.pack(_PIXELS_MAGIC, 1 + _REASONS.index(answer), 0, 0, 0)
    return _PIXELS.pack(_PIXELS_MAGIC, 0, answer.width, answer.height, answer.channels) + answer.content


def unpack_pixels(data: bytes, job: Job) -> Pixels | Reason:
    """The answer to `job`, which asks for an excerpt: never more of the picture than that. Raises ValueError as below."""
    asked = job.excerpt
    if asked is None or len(data) < _PIXELS.size:
        raise ValueError("an answer must have pixels where an excerpt was asked for, and only there")
    magic, reason, width, height, channels = _PIXELS.unpack_from(data)
    if magic != _PIXELS_MAGIC or reason > len(_REASONS):
        raise ValueError("an answer must begin as one")
    if reason:
        if len(data) != _PIXELS.size:
            raise ValueError("an answer that gives a reason must end there")
        return _REASONS[reason - 1]
    if not (1 <= width <= asked.longest_side and 1 <= height <= asked.longest_side):
        raise ValueError("an excerpt must not be larger than was asked for")
    if channels not in ((1,) if asked.grey else (1, 3)) or len(data) != _PIXELS.size + width * height * channels:
        raise ValueError("an excerpt must have the pixels that it says")
    return Pixels(width=width, height=height, channels=channels, content=data[_PIXELS.size :])


def pack_answer(answer: Decoded | Reason) -> bytes:
    """The answer as bytes."""
    if isinstance(answer, Reason):
        return _ANSWER.pack(_MAGIC, 1 + _REASONS.index(answer), 0, 0, 0, 0, 0)
    parts = [_ANSWER.pack(_MAGIC, 0, answer.damaged, answer.width, answer.height, answer.frames_total, len(answer.frames))]
    for frame in answer.frames:
        parts.append(_FRAME.pack(frame.index, len(frame.transforms), len(frame.cut_outs), len(frame.windows)))
        for transform in frame.transforms:
            parts += _packed_transform(transform)
        for cut_out in frame.cut_outs:
            parts.append(_CUT_OUT.pack(bytes(1 + _CUTS.index(cut) for cut in cut_out.cuts)))
            parts += _packed_transform(cut_out.transform)
        parts += [_WINDOW.pack(window.quality, window.hash) for window in frame.windows]
    return b"".join(parts)


def _packed_transform(transform: Transform) -> list[bytes]:
    return [_TRANSFORM.pack(_CONVENTIONS.index(transform.convention), transform.quality), transform.coefficients]


def unpack_answer(data: bytes, job: Job) -> Decoded | Reason:
    """The answer to `job`. Raises ValueError where it is not one: then the process cannot be believed."""
    if len(data) > most_answer_bytes(job) or len(data) < _ANSWER.size:
        raise ValueError(f"an answer must have {_ANSWER.size} to {most_answer_bytes(job)} bytes, not {len(data)}")
    magic, reason, damaged, width, height, total, count = _ANSWER.unpack_from(data)
    if magic != _MAGIC or reason > len(_REASONS) or damaged > 1:
        raise ValueError("an answer must begin as one")
    if reason:
        if len(data) != _ANSWER.size:
            raise ValueError("an answer that gives a reason must end there")
        return _REASONS[reason - 1]
    if not 1 <= count <= min(total, job.frames):
        raise ValueError("an answer must have at least one frame, and at most as many as asked for")
    at = _ANSWER.size
    frames: list[Frame] = []
    for _ in range(count):
        frame, at = _unpack_frame(data, at, job)
        if frame.index >= total or (frames and frame.index <= frames[-1].index):
            raise ValueError("frames must come in their order")
        frames.append(frame)
    if at != len(data):
        raise ValueError("an answer must end with its last frame")
    return Decoded(width=width, height=height, frames_total=total, damaged=bool(damaged), frames=tuple(frames))


def _unpack_frame(data: bytes, at: int, job: Job) -> tuple[Frame, int]:
    if len(data) < at + _FRAME.size:
        raise ValueError("an answer must not break off")
    index, count, cut_count, window_count = _FRAME.unpack_from(data, at)
    at += _FRAME.size
    transforms = []
    for _ in range(count):
        transform, at = _unpack_transform(data, at)
        transforms.append(transform)
    if {transform.convention for transform in transforms} != job.conventions or count != len(job.conventions):
        raise ValueError("a frame must have the conventions that were asked for, each once")
    if cut_count > (CUTS_MOST if job.cuts else 0):
        raise ValueError("a frame must have no more cuts than were asked for")
    cut_outs = []
    for _ in range(cut_count):
        cut_out, at = _unpack_cut_out(data, at, job)
        cut_outs.append(cut_out)
    if window_count > (WINDOWS_MOST if job.windows and index == 0 else 0):
        raise ValueError("a frame must have no more windows than were asked for")
    end = at + window_count * _WINDOW.size
    if len(data) < end:
        raise ValueError("an answer must not break off")
    windows = tuple(_window(*fields) for fields in _WINDOW.iter_unpack(data[at:end]))
    return Frame(index=index, transforms=tuple(transforms), cut_outs=tuple(cut_outs), windows=windows), end


def _window(quality: int, hash_: bytes) -> MediaHash:
    if not TRUSTED_QUALITY <= quality <= 100:
        raise ValueError("a window must have enough to see")
    return MediaHash(convention=Convention.FULL, hash=hash_, quality=quality)


def _unpack_transform(data: bytes, at: int) -> tuple[Transform, int]:
    begin = at + _TRANSFORM.size
    end = begin + COEFFICIENT_BYTES
    if len(data) < end:
        raise ValueError("an answer must not break off")
    number, quality = _TRANSFORM.unpack_from(data, at)
    if number >= len(_CONVENTIONS) or quality > 100:
        raise ValueError("a transform must have a known convention and a quality of at most 100")
    return Transform(convention=_CONVENTIONS[number], quality=quality, coefficients=data[begin:end]), end


def _unpack_cut_out(data: bytes, at: int, job: Job) -> tuple[CutOut, int]:
    if len(data) < at + _CUT_OUT.size:
        raise ValueError("an answer must not break off")
    (steps,) = _CUT_OUT.unpack_from(data, at)
    numbers = steps.rstrip(b"\0")
    if not numbers or not all(1 <= number <= len(_CUTS) for number in numbers):
        raise ValueError("a cut must have known steps, at least one")
    transform, at = _unpack_transform(data, at + _CUT_OUT.size)
    expected = Convention.SCREEN if job.conventions == {Convention.SCREEN} else Convention.FULL
    if transform.convention is not expected or transform.quality < TRUSTED_QUALITY:
        raise ValueError("a cut must be hashed as the whole is, and have enough to see")
    return CutOut(cuts=tuple(_CUTS[number - 1] for number in numbers), transform=transform), at
