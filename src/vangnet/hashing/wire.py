"""The messages between us and a decoding process: a job, and its answer.

Fixed binary layouts. An answer comes from a process that hostile bytes may have taken over, so it is read as hostile too:
bounded, every field checked, nothing in it is ever executed, unpickled or used as a length without a limit.
"""

import struct
from dataclasses import dataclass

from vangnet.hashing.model import (
    COEFFICIENT_BYTES,
    Convention,
    Decoded,
    Excerpt,
    Frame,
    MediaFormat,
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
#: What a decoding process may say. The other reasons are found out on our side.
_REASONS = (Reason.DAMAGED, Reason.TOO_LARGE, Reason.TOO_SMALL, Reason.TIMED_OUT, Reason.UNSUPPORTED)

#: length of the file, format, conventions as bits, most pixels, most frames, seconds; of an excerpt: its longest side (0:
#: none is asked for), its part, grey
_JOB = struct.Struct("<QBBQIfHBB")
JOB_BYTES = _JOB.size

#: Before an answer: its length. The end of the process is not waited for; clearing it away takes a while.
LENGTH = struct.Struct("<I")
#: magic, 0 or a reason's number, damaged, width, height, frames in all, frames that follow
_ANSWER = struct.Struct("<4sBBIIII")
_MAGIC = b"VGN1"
#: magic, 0 or a reason's number, width, height, channels; then the pixels
_PIXELS = struct.Struct("<4sBHHB")
_PIXELS_MAGIC = b"VGNP"
#: index, transforms that follow
_FRAME = struct.Struct("<IB")
#: convention, quality, then the coefficients
_TRANSFORM = struct.Struct("<BB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a decoding process is asked to do."""

    length: int
    format: MediaFormat
    conventions: frozenset[Convention]
    pixels: int
    frames: int
    seconds: float
    #: Asked for in the place of hashes.
    excerpt: Excerpt | None = None

    def pack(self) -> bytes:
        """The job as bytes."""
        bits = sum(1 << _CONVENTIONS.index(convention) for convention in self.conventions)
        number = _FORMATS.index(self.format)
        asked = self.excerpt
        side, part, grey = (0, 0, False) if asked is None else (asked.longest_side, asked.part, asked.grey)
        return _JOB.pack(self.length, number, bits, self.pixels, self.frames, self.seconds, side, part, grey)

    @classmethod
    def unpack(cls, data: bytes) -> "Job":
        """The job that was packed."""
        length, number, bits, pixels, frames, seconds, side, part, grey = _JOB.unpack(data)
        return cls(
            length=length,
            format=_FORMATS[number],
            conventions=frozenset(convention for bit, convention in enumerate(_CONVENTIONS) if bits >> bit & 1),
            pixels=pixels,
            frames=frames,
            seconds=seconds,
            excerpt=Excerpt(longest_side=side, part=part, grey=bool(grey)) if side else None,
        )


def most_answer_bytes(job: Job) -> int:
    """An honest answer to `job` is at most so long."""
    if job.excerpt is not None:
        return _PIXELS.size + job.excerpt.longest_side**2 * (1 if job.excerpt.grey else 3)
    transforms = len(job.conventions) * (_TRANSFORM.size + COEFFICIENT_BYTES)
    return _ANSWER.size + job.frames * (_FRAME.size + transforms)


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
        parts.append(_FRAME.pack(frame.index, len(frame.transforms)))
        for transform in frame.transforms:
            number = _CONVENTIONS.index(transform.convention)
            parts += [_TRANSFORM.pack(number, transform.quality), transform.coefficients]
    return b"".join(parts)


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
    index, count = _FRAME.unpack_from(data, at)
    at += _FRAME.size
    transforms = []
    for _ in range(count):
        end = at + _TRANSFORM.size + COEFFICIENT_BYTES
        if len(data) < end:
            raise ValueError("an answer must not break off")
        number, quality = _TRANSFORM.unpack_from(data, at)
        if number >= len(_CONVENTIONS) or quality > 100:
            raise ValueError("a transform must have a known convention and a quality of at most 100")
        coefficients = data[at + _TRANSFORM.size : end]
        transforms.append(Transform(convention=_CONVENTIONS[number], quality=quality, coefficients=coefficients))
        at = end
    if {transform.convention for transform in transforms} != job.conventions or count != len(job.conventions):
        raise ValueError("a frame must have the conventions that were asked for, each once")
    return Frame(index=index, transforms=tuple(transforms)), at
