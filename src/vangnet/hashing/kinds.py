"""What a file is, by its first bytes. Names and declared types are what the sender says, and are not looked at.

Nothing is decoded here: a few comparisons on bytes, safe on anything.
"""

from vangnet.hashing.model import MediaFormat, Reason

#: So many bytes of a file's start are enough to know it.
HEAD_BYTES = 512

_STARTS: tuple[tuple[bytes, MediaFormat | Reason], ...] = (
    (b"\xff\xd8\xff", MediaFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", MediaFormat.PNG),
    (b"GIF87a", MediaFormat.GIF),
    (b"GIF89a", MediaFormat.GIF),
    (b"II*\x00", MediaFormat.TIFF),
    (b"MM\x00*", MediaFormat.TIFF),
    (b"II+\x00", MediaFormat.TIFF),
    (b"MM\x00+", MediaFormat.TIFF),
    (b"\x1aE\xdf\xa3", Reason.VIDEO),  # Matroska, WebM
    (b"FLV\x01", Reason.VIDEO),
    (b"0&\xb2u\x8ef\xcf\x11", Reason.VIDEO),  # ASF, WMV
    (b"\x00\x00\x01\xba", Reason.VIDEO),  # MPEG program stream
    (b"\x00\x00\x01\xb3", Reason.VIDEO),  # MPEG video
    (b"OggS", Reason.VIDEO),
    (b"PK\x03\x04", Reason.ARCHIVE),
    (b"PK\x05\x06", Reason.ARCHIVE),
    (b"PK\x07\x08", Reason.ARCHIVE),
    (b"\x1f\x8b", Reason.ARCHIVE),
    (b"BZh", Reason.ARCHIVE),
    (b"\xfd7zXZ\x00", Reason.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", Reason.ARCHIVE),
    (b"Rar!\x1a\x07", Reason.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", Reason.ARCHIVE),  # Zstandard
    (b"MSCF", Reason.ARCHIVE),
    (b"\xff\x0a", Reason.UNSUPPORTED),  # JPEG XL, bare
    (b"\x00\x00\x00\x0cJXL ", Reason.UNSUPPORTED),
    (b"\x00\x00\x00\x0cjP  ", Reason.UNSUPPORTED),  # JPEG 2000
    (b"\xff\x4f\xff\x51", Reason.UNSUPPORTED),  # JPEG 2000, bare
    (b"8BPS", Reason.UNSUPPORTED),
    (b"\x00\x00\x01\x00", Reason.UNSUPPORTED),  # ICO
    (b"II\xbc\x01", Reason.UNSUPPORTED),  # JPEG XR
    (b"qoif", Reason.UNSUPPORTED),
)
_RIFF: dict[bytes, MediaFormat | Reason] = {b"WEBP": MediaFormat.WEBP, b"AVI ": Reason.VIDEO}
_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
#: Boxes that an MP4 or QuickTime file may begin with.
_FILE_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def recognise(head: bytes) -> MediaFormat | Reason:
    """What the file with these first HEAD_BYTES is: a format that is decoded, or why it is not."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], Reason.NOT_MEDIA)
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    return _by_structure(head)


def _by_structure(head: bytes) -> MediaFormat | Reason:
    """Files that no single start gives away."""
    kind: MediaFormat | Reason = Reason.NOT_MEDIA
    if head[4:8] in _FILE_BOXES:
        kind = Reason.VIDEO
    elif head[257:262] == b"ustar":
        kind = Reason.ARCHIVE
    # A bitmap's header gives its own length, one of a few; two letters alone would be too little to go by.
    elif head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in {12, 16, 40, 52, 56, 64, 108, 124}:
        kind = MediaFormat.BMP
    # An MPEG transport stream has packets of 188 bytes, each beginning with the same one.
    elif len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        kind = Reason.VIDEO
    return kind


def _by_brands(head: bytes) -> MediaFormat | Reason:
    """ISO base media files say by brands what they are (ISO/IEC 14496-12): a major one, then compatible ones."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if _AVIF.intersection(brands):
        return MediaFormat.AVIF
    if _HEIF.intersection(brands):
        return MediaFormat.HEIF
    return Reason.UNSUPPORTED if b"jp2 " in brands or b"jxl " in brands else Reason.VIDEO
