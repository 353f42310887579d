"""What hashing speaks of: hashes with their convention, files that were hashed, and files that could not be.

A file's outcome is `Hashed` or `Unhashable`, nothing else; both carry the digests of its bytes. Hashes of other people's
uploads are shown by no `repr`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from vangnet import _core

HASH_BYTES = 32
COEFFICIENT_BYTES = 1024
#: PDQ's makers distrust hashes of a lower quality (ThreatExchange, hashing.pdf, 2019).
TRUSTED_QUALITY = 50
#: The least quality at which `full~` was shown to lie near `full`; below it, only the true hash says anything.
SCREEN_QUALITY = 80
#: `full~` is looked up at this distance where `full` would be at 31; docs/explanation/hashing.md shows the measurement.
SCREEN_RADIUS = 45
#: A hash of which a part had to be guessed is looked up so many bits farther; docs/explanation/views.md says why.
GUESSED_BITS = 13


class Convention(StrEnum):
    """What happens to a picture before it is hashed. Hashes of two conventions are near each other, not equal."""

    FULL = "full"  #: At its own size: what most lists and tools use.
    SCREEN = "full~"  #: Nearly `full`, from a smaller decode. Screens; never listed and never a match by itself.
    FLOOR512 = "floor512"  #: A side over 512: brought to 512 x 512 by taking the nearest pixels.
    THUMBNAIL512 = "thumbnail512"  #: Shrunk to fit 512 x 512, proportions kept.


class View(StrEnum):
    """How a picture is held, named for what was done to it."""

    ORIGINAL = "original"  #: As it is.
    ROTATE90 = "rotate90"  #: A quarter turn, counter-clockwise.
    ROTATE180 = "rotate180"  #: Half a turn.
    ROTATE270 = "rotate270"  #: A quarter turn, clockwise.
    FLIP_X = "flip_x"  #: Upside down: top and bottom change places.
    FLIP_Y = "flip_y"  #: As in a mirror: left and right change places.
    TRANSPOSE = "transpose"  #: Rows become columns.
    ANTI_TRANSPOSE = "anti_transpose"  #: Mirrored at the other diagonal.


class Cut(StrEnum):
    """What was put around a picture and cut off again, before it was hashed once more."""

    BARS = "bars"  #: Even bars at top and bottom, or left and right, or at one of them, were cut off.
    BORDER = "border"  #: An even border was cut off.
    CAPTION = "caption"  #: A strip with writing at the top or bottom was cut off.
    BANNER = "banner"  #: A strip over the picture was painted over with what may be under it: a guess, which only holds.
    FRAME = "frame"  #: The largest picture on a page, such as a screenshot, was cut out.


#: So many parts of a picture are hashed when it is listed, at most.
WINDOWS_MOST = 256
#: So many cuts are made of one picture, and so many steps of one cut.
CUTS_MOST = 5
STEPS_MOST = 12


def view_name(cuts: Sequence[Cut], view: View) -> str:
    """How a match tells the way in which a picture was seen: `flip_y`, `border+bars`, `border+bars+flip_y`."""
    return "+".join((*cuts, *([] if cuts and view is View.ORIGINAL else [view])))


class MediaFormat(StrEnum):
    """The picture formats that are decoded."""

    JPEG = "jpeg"  #: ITU-T T.81, also with several pictures (MPO: the first counts).
    PNG = "png"  #: All depths, palettes, interlaced, animated.
    GIF = "gif"  #: Also animated.
    WEBP = "webp"  #: Also animated.
    BMP = "bmp"  #: Windows bitmaps.
    TIFF = "tiff"  #: Also several pages.
    HEIF = "heif"  #: HEIC and its relatives, as telephones write them.
    AVIF = "avif"  #: Also sequences.


class Reason(StrEnum):
    """Why a file counts as not hashed."""

    NOT_MEDIA = "not_media"  #: Neither a picture nor anything else that is known here.
    UNSUPPORTED = "unsupported"  #: A picture in a format that is not decoded.
    VIDEO = "video"  #: Moving pictures; not hashed yet.
    ARCHIVE = "archive"  #: A container of other files; they must be taken out and checked one by one.
    DAMAGED = "damaged"  #: A picture that does not decode whole. What could be read of it is hashed.
    TOO_LARGE = "too_large"  #: Beyond a limit: bytes, pixels, memory.
    TOO_SMALL = "too_small"  #: A side is shorter than 5 pixels.
    TIMED_OUT = "timed_out"  #: Decoding took longer than allowed.
    CRASHED = "crashed"  #: The decoder died on it.
    LOW_QUALITY = "low_quality"  #: Too little to see for the hash to be trusted. The hash is given all the same.
    NOT_ISOLATED = "not_isolated"  #: No isolated process could be had; nothing was decoded.


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one file may ask for. Every field is a setting of the installation."""

    bytes: int = 100 * 1024 * 1024
    #: Width times height. Telephones take pictures of 200 million.
    pixels: int = 200_000_000
    #: Frames of an animation, or pages, that are hashed; they are taken evenly from all there are.
    frames: int = 16
    seconds: float = 10.0
    #: Memory beyond what the decoding process starts with.
    memory_bytes: int = 2 * 1024 * 1024 * 1024
    #: Below it a hash is not trusted.
    quality: int = TRUSTED_QUALITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Digests of the file's bytes, made whatever the file is."""

    md5: bytes = field(repr=False)
    sha1: bytes = field(repr=False)
    sha256: bytes = field(repr=False)

    @classmethod
    def of(cls, data: bytes) -> "Digests":
        """The digests of `data`."""
        md5, sha1, sha256 = _core.digests(data)
        return cls(md5=md5, sha1=sha1, sha256=sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaHash:
    """A PDQ hash of 256 bits, stamped with how it was made."""

    convention: Convention
    hash: bytes = field(repr=False)
    #: 0 (featureless) to 100.
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """What all hashes of one picture in one convention are made from: 256 coefficients, little-endian 32-bit floats."""

    convention: Convention
    quality: int
    coefficients: bytes = field(repr=False)

    def hash(self) -> MediaHash:
        """The hash of the picture as it is."""
        return MediaHash(convention=self.convention, hash=_core.pdq_hash(self.coefficients), quality=self.quality)

    def views(self) -> dict[View, MediaHash]:
        """The hashes of the picture turned and mirrored, all eight. 0 to 8 bits beside those of a really turned file."""
        hashes = _core.pdq_dihedral_hashes(self.coefficients)
        return {
            view: MediaHash(convention=self.convention, hash=hash_, quality=self.quality)
            for view, hash_ in zip(View, hashes, strict=True)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOut:
    """A part of a picture, hashed as if it were all of it; it has enough to see."""

    #: What was done, one after the other; at least one.
    cuts: tuple[Cut, ...]
    transform: Transform

    @property
    def is_guessed(self) -> bool:
        """Whether a part of what was hashed was never seen."""
        return Cut.BANNER in self.cuts


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of a file: its only one, or one of an animation's. `index` counts from 0."""

    index: int
    #: Of the whole picture, by convention.
    transforms: tuple[Transform, ...]
    #: Looked up in addition: they never take the place of the whole.
    cut_outs: tuple[CutOut, ...] = ()
    #: Hashes of parts, for listing it.
    windows: tuple[MediaHash, ...] = field(default=(), repr=False)

    def hashes(self) -> dict[Convention, MediaHash]:
        """Its hashes by convention."""
        return {transform.convention: transform.hash() for transform in self.transforms}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """A file with hashes that count."""

    digests: Digests
    format: MediaFormat
    #: Sides as a viewer shows them.
    width: int
    height: int
    #: How many frames the file has; `frames` are those that were hashed.
    frames_total: int
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhashable:
    """A file that could not be checked as it should be. Hashes made all the same are worth looking up, and prove nothing
    by finding nothing."""

    digests: Digests
    reason: Reason
    frames: tuple[Frame, ...] = ()
    frames_total: int = 0


Outcome = Hashed | Unhashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a decoding process answered, checked for form: its content is as trustworthy as the file."""

    width: int
    height: int
    frames_total: int
    #: Whether the file broke off or held errors, so that only a part of it was seen.
    damaged: bool
    frames: tuple[Frame, ...]


#: A picture is shown in parts of three by three.
PARTS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """How much of a picture is asked for, to be shown. What is not asked for never leaves the decoding process."""

    #: Pixels of the longest side, at most: few of them are a blurred picture, and nothing brings the others back.
    longest_side: int
    #: 1 to 9, row by row; 0 is the whole.
    part: int = 0
    grey: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What was asked for, checked for form: rows of one byte (grey) or three (RGB) a pixel."""

    width: int
    height: int
    channels: int
    content: bytes = field(repr=False)
