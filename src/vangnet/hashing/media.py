"""Media → luma: opens a picture of any format and brings it into the one form that is hashed.

Runs in a decoding process only: what it reads is hostile. Decoding itself is done by well-kept libraries (libjpeg-turbo,
zlib, libwebp, libtiff and libavif through Pillow, libheif through pi-heif); a file is given to the one plug-in that its
first bytes ask for.

What the one form is: `normal_form`.
"""

import ctypes
import io
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pi_heif  # type: ignore[import-untyped]
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from vangnet import _core
from vangnet.hashing.model import (
    Convention,
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
from vangnet.hashing.normal_form import DAMAGE, in_normal_form, orientation_of
from vangnet.hashing.screening import screened, turned
from vangnet.hashing.views import Seen, cut_outs
from vangnet.hashing.windows import sub_windows
from vangnet.hashing.wire import Job

#: The shortest side that PDQ hashes.
SHORTEST_SIDE = 5
_SIDE_512 = 512
#: Share of the time a job has after which no further frame is begun: better some frames than none.
_LAST_FRAME_BEGINS = 0.6
#: A small JPEG of our own, once `prepare` has run.
_OWN: list[bytes] = []

#: Nothing is decoded by a plug-in that is not named here.
_PLUGINS: dict[MediaFormat, tuple[str, ...]] = {
    MediaFormat.JPEG: (JpegImagePlugin.JpegImageFile.format, MpoImagePlugin.MpoImageFile.format),
    MediaFormat.PNG: (PngImagePlugin.PngImageFile.format,),
    MediaFormat.GIF: (GifImagePlugin.GifImageFile.format,),
    MediaFormat.WEBP: (WebPImagePlugin.WebPImageFile.format,),
    MediaFormat.BMP: (BmpImagePlugin.BmpImageFile.format,),
    MediaFormat.TIFF: (TiffImagePlugin.TiffImageFile.format,),
    MediaFormat.AVIF: (AvifImagePlugin.AvifImageFile.format,),
    MediaFormat.HEIF: ("HEIF",),
}


class Refused(Exception):
    """Nothing is decoded, for a reason that is no damage."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Memory:
    """Pixels in one piece of memory; `keeper` owns it."""

    memory: bytes | memoryview
    width: int
    height: int
    keeper: object


def prepare() -> None:
    """Loads what decoding needs, so that nothing has to be opened later. Call once a process, before any input."""
    # A file has one core's worth of work; others are decoded beside it.
    pi_heif.options.DECODE_THREADS = 1
    pi_heif.options.THUMBNAILS = False
    pi_heif.options.DEPTH_IMAGES = False
    pi_heif.options.AUX_IMAGES = False
    pi_heif.register_heif_opener()
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # Rows without gaps, so that pixels can be read where the decoder left them.
    Image.core.set_use_block_allocator(1)  # type: ignore[attr-defined]
    warnings.simplefilter("ignore")
    _load_lazily_loaded()


def warm_up() -> None:
    """Does, while there is no file to wait for, what would cost the file time: a picture of our own is hashed, which
    copies the pages that a fork shares and that decoding writes to."""
    job = Job(
        length=0, format=MediaFormat.JPEG, conventions=frozenset({Convention.FULL}), pixels=1 << 20, frames=1, seconds=1
    )
    for own in _OWN:
        hash_frames(own, job)


def hash_frames(data: bytes, job: Job) -> Decoded | Reason:
    """All that `job` asks of the file `data`. Whatever else is raised, the file crashed the decoder."""
    Image.MAX_IMAGE_PIXELS = None  # Sides are checked here, before anything is decoded.
    deadline = time.monotonic() + job.seconds * _LAST_FRAME_BEGINS
    try:
        for lenient in (False, True):
            # A file that breaks off is decoded as far as it goes, in a second try, and is called damaged.
            ImageFile.LOAD_TRUNCATED_IMAGES = lenient
            decoded = _hash_frames(data, job, deadline, damaged=lenient)
            if decoded is not None:
                return decoded
    except Refused as refused:
        return refused.reason
    except (MemoryError, Image.DecompressionBombError):
        return Reason.TOO_LARGE
    return Reason.DAMAGED


def cut_out(data: bytes, job: Job, asked: Excerpt) -> Pixels | Reason:
    """So much of the first frame of the file `data` as is `asked`, upright. What else is raised is a crash."""
    Image.MAX_IMAGE_PIXELS = None  # Sides are checked here, before anything is decoded.
    # Of a file that breaks off, as much is shown as there is.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with Image.open(io.BytesIO(data), formats=_PLUGINS[job.format]) as image:
            if image.width * image.height > job.pixels:
                return Reason.TOO_LARGE
            return _cut_out(turned(in_normal_form(image), orientation_of(image)), asked)
    except (MemoryError, Image.DecompressionBombError):
        return Reason.TOO_LARGE
    except DAMAGE:
        return Reason.DAMAGED


def _cut_out(upright: Image.Image, asked: Excerpt) -> Pixels:
    width, height = upright.size
    if asked.part:
        row, column = divmod(asked.part - 1, 3)
        left, top = width * column // 3, height * row // 3
        right, bottom = max(width * (column + 1) // 3, left + 1), max(height * (row + 1) // 3, top + 1)
        upright = upright.crop((min(left, width - 1), min(top, height - 1), min(right, width), min(bottom, height)))
    if asked.grey and upright.mode != "L":
        upright = upright.convert("L")
    scale = asked.longest_side / max(upright.size)
    if scale < 1:
        sides = (max(1, int(upright.width * scale)), max(1, int(upright.height * scale)))
        # Each pixel is the mean of those that it stands for: a window that reaches further would keep more of the picture.
        upright = upright.resize(sides, Image.Resampling.BOX)
    return Pixels(width=upright.width, height=upright.height, channels=len(upright.getbands()), content=upright.tobytes())


def _hash_frames(data: bytes, job: Job, deadline: float, *, damaged: bool) -> Decoded | None:
    frames: list[Frame] = []
    image: Image.Image | None = None
    total = 1
    sides = (0, 0)
    try:
        image = Image.open(io.BytesIO(data), formats=_PLUGINS[job.format])
        total = _count_frames(image, job.format)
        for index in _spread(total, job.frames):
            if frames and time.monotonic() > deadline:
                break
            if index:
                image.seek(index)
            _check_sides(image.size, job)
            frame, shown = _hash_frame(image, index, job)
            frames.append(frame)
            sides = sides if len(frames) > 1 else shown
    except DAMAGE:
        if not frames:
            return None
        damaged = True
    finally:
        if image is not None:
            image.close()
    return Decoded(width=sides[0], height=sides[1], frames_total=total, damaged=damaged, frames=tuple(frames))


def _hash_frame(image: Image.Image, index: int, job: Job) -> tuple[Frame, tuple[int, int]]:
    width, height = image.size
    orientation = orientation_of(image)
    shown = (height, width) if orientation >= 5 else (width, height)
    transforms = []
    cuts: tuple[CutOut, ...] = ()
    windows: tuple[MediaHash, ...] = ()
    if Convention.SCREEN in job.conventions:
        transform, seen = _screen(image, orientation, job)
        transforms.append(transform)
        if job.cuts and job.conventions == {Convention.SCREEN}:
            cuts = tuple(cut_outs(seen, Convention.SCREEN))
    if others := [convention for convention in Convention if convention in job.conventions - {Convention.SCREEN}]:
        plain = in_normal_form(image)
        transforms += [_transform(plain, orientation, convention) for convention in others]
        if job.cuts:
            cuts = tuple(cut_outs(Seen.whole(turned(plain, orientation)), Convention.FULL))
        if job.windows and index == 0:
            windows = tuple(sub_windows(turned(plain, orientation)))
    return Frame(index=index, transforms=tuple(transforms), cut_outs=cuts, windows=windows), shown


# --- frames -------------------------------------------------------------------------------------------------------


def _count_frames(image: Image.Image, format_: MediaFormat) -> int:
    # Further pictures in a JPEG are previews and depth maps of the first.
    return 1 if format_ is MediaFormat.JPEG else max(int(getattr(image, "n_frames", 1)), 1)


def _spread(total: int, most: int) -> Iterator[int]:
    """At most `most` of `total` numbers, evenly spread, the first and the last among them."""
    if total <= most:
        yield from range(total)
    elif most == 1:
        yield 0
    else:
        yield from (at * (total - 1) // (most - 1) for at in range(most))


def _check_sides(size: tuple[int, int], job: Job) -> None:
    width, height = size
    if width * height > job.pixels:
        raise Refused(Reason.TOO_LARGE)
    if min(width, height) < SHORTEST_SIDE:
        raise Refused(Reason.TOO_SMALL)


# --- luma to transforms -------------------------------------------------------------------------------------------


def _transform(image: Image.Image, orientation: int, convention: Convention) -> Transform:
    if convention is Convention.THUMBNAIL512 and max(image.size) > _SIDE_512:
        image, orientation = turned(image.copy(), orientation), 1
        image.thumbnail((_SIDE_512, _SIDE_512))
        if min(image.size) < SHORTEST_SIDE:
            raise Refused(Reason.TOO_SMALL)
    pixels = _pixels(image)
    floor512 = convention is Convention.FLOOR512
    coefficients, quality = _core.pdq_transform(
        pixels.memory, pixels.width, pixels.height, orientation=orientation, floor512=floor512
    )
    return Transform(convention=convention, quality=quality, coefficients=coefficients)


def _screen(image: Image.Image, orientation: int, job: Job) -> tuple[Transform, Seen]:
    """`full~`, from the smallest decode that is exact enough; from the whole picture where there is none. And that decode,
    upright."""
    width, height = image.size
    scale = _scale(image, alone=job.conventions == {Convention.SCREEN})
    if scale > 1:
        image.draft("L", (width // scale, height // scale))
    plain = in_normal_form(image)
    if scale == 1:
        transform = _transform(plain, orientation, Convention.FULL)
        seen = Seen.whole(turned(plain, orientation))
        return Transform(convention=Convention.SCREEN, quality=transform.quality, coefficients=transform.coefficients), seen
    return screened(plain, scale, orientation, (width, height))


def _scale(image: Image.Image, *, alone: bool) -> int:
    """How many times smaller a JPEG is decoded for screening; 1: not at all.

    A block of pixels that is known by its mean only must be small beside the window it is weighted by, which is a 128th of
    the side. At a third of it, `full~` was never seen more than ten bits beside `full`; at the whole of it, 28 bits.
    """
    if not alone or not isinstance(image, JpegImagePlugin.JpegImageFile) or image.mode not in {"L", "RGB"}:
        return 1
    return next((scale for scale in (8, 4, 2) if min(image.size) >= scale * 384), 1)


class _ArrowArray(ctypes.Structure):
    """The Arrow C data interface: how Pillow hands out a picture's memory without copying it."""


_ArrowArray._fields_ = (
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
)
_capsule_pointer: Callable[[object, bytes], int] = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def _pixels(image: Image.Image) -> _Memory:
    """The pixels of an `L` or `RGB` picture, where the decoder left them: one byte or four a pixel."""
    width, height = image.size
    try:
        keeper = image.__arrow_c_array__()
    except ValueError:
        return _Memory(image.tobytes(), width, height, image)
    array = _ArrowArray.from_address(_capsule_pointer(keeper[1], b"arrow_array"))
    if array.n_children:
        array = array.children[0].contents
    bytes_a_pixel = {"L": 1, "RGB": 4}[image.mode]
    memory = (ctypes.c_ubyte * (width * height * bytes_a_pixel)).from_address(array.buffers[1])
    return _Memory(memoryview(memory).cast("B"), width, height, (image, keeper))


def _load_lazily_loaded() -> None:
    """Decodes a few pictures of our own, so that what libraries load on first use is loaded."""
    picture = Image.radial_gradient("L").convert("RGB")
    for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
        file = io.BytesIO()
        picture.save(file, name)
        with Image.open(file, formats=(name,)) as copy:
            turned(in_normal_form(copy), 6)
            _transform(in_normal_form(copy), 1, Convention.THUMBNAIL512)
        if name == "JPEG":
            _OWN.append(file.getvalue())
