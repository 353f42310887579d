from collections.abc import Callable, Sequence
from os import PathLike
from typing import Self, final

__all__ = [
    "Digester",
    "Index",
    "IndexBuilder",
    "IndexBusy",
    "IndexUnusable",
    "ListLines",
    "addition_lines",
    "digests",
    "find_cuts",
    "hamming_distance",
    "hmac_sha256",
    "jpeg_eighth",
    "jpeg_screen",
    "packed_hashes",
    "paint_strips",
    "parse_hashes",
    "pdq_dihedral_hashes",
    "pdq_hash",
    "pdq_transform",
    "pdq_transform_scaled",
    "strongest_hashes",
]

def hamming_distance(a: bytes, b: bytes, /) -> int: ...

# --- pdq ----------------------------------------------------------------------------------------------------------

def pdq_transform(
    pixels: bytes | memoryview, width: int, height: int, /, *, orientation: int = 1, floor512: bool = False
) -> tuple[bytes, int]: ...
def pdq_transform_scaled(
    scaled: bytes, width: int, height: int, scale: int, /, *, cut_left: bool = False, cut_top: bool = False
) -> tuple[bytes, int]: ...
def pdq_hash(coefficients: bytes, /) -> bytes: ...
def pdq_dihedral_hashes(coefficients: bytes, /) -> list[bytes]: ...

# --- cuts ---------------------------------------------------------------------------------------------------------

def find_cuts(
    pixels: bytes, width: int, height: int, /
) -> list[tuple[list[str], tuple[int, int, int, int], tuple[int, int]]]: ...
def paint_strips(pixels: bytes, width: int, height: int, /, *, top: int, bottom: int) -> bytes: ...

# --- jpeg ---------------------------------------------------------------------------------------------------------

def jpeg_eighth(data: bytes, most_pixels: int, /) -> tuple[bytes, int, int, int] | str: ...
def jpeg_screen(
    data: bytes, most_pixels: int, waves_below: int, /
) -> tuple[tuple[bytes, int] | None, tuple[bytes, int, int, int]] | str: ...

# --- digests ------------------------------------------------------------------------------------------------------

def digests(data: bytes, /) -> tuple[bytes, bytes, bytes]: ...

@final
class Digester:
    def __new__(cls) -> Self: ...
    def update(self, data: bytes, /) -> None: ...
    def finish(self) -> tuple[bytes, bytes, bytes]: ...

# --- index --------------------------------------------------------------------------------------------------------

class IndexUnusable(ValueError): ...
class IndexBusy(ValueError): ...

def parse_hashes(text: bytes, /) -> bytes: ...

@final
class IndexBuilder:
    def __new__(cls) -> Self: ...
    def add_hashes(self, list: str, hashes: bytes, ids: bytes) -> None: ...
    def add_digests(self, algorithm: str, length: int, values: bytes, ids: bytes) -> None: ...
    def write(
        self, path: PathLike[str], *, mark: int, threads: int, progress: Callable[[int, int], object] | None = None
    ) -> None: ...

@final
class Index:
    @staticmethod
    def open(path: PathLike[str], /) -> Index: ...
    @staticmethod
    def empty() -> Index: ...
    def verify(self, *, threads: int, progress: Callable[[int, int], object] | None = None) -> None: ...
    def lookup(self, list: str, hash: bytes, radius: int, /) -> list[tuple[int, int]]: ...
    def lookup_by_scan(self, list: str, hash: bytes, radius: int, /) -> list[tuple[int, int]]: ...
    def lookup_batch(
        self, list: str, hashes: bytes, radii: list[int], /, *, threads: int
    ) -> list[list[tuple[int, int]]]: ...
    def find_digest(self, algorithm: str, value: bytes, /) -> list[int]: ...
    def add_hashes(self, list: str, hashes: bytes, ids: bytes) -> None: ...
    def add_digests(self, algorithm: str, length: int, values: bytes, ids: bytes) -> None: ...
    def withdraw(self, ids: bytes, /) -> None: ...
    def merge(
        self, path: PathLike[str], *, mark: int, threads: int, progress: Callable[[int, int], object] | None = None
    ) -> None: ...
    def info(
        self,
    ) -> tuple[int, int, int, bool, list[tuple[str, int, int | None, int, int, int]], int, int]: ...

# --- hash lists ---------------------------------------------------------------------------------------------------

@final
class ListLines:
    def __new__(
        cls,
        delimiter: str,
        width: int,
        *,
        digests: list[tuple[int, int, int]],
        pdq: tuple[int, int | None, int | None, list[str]] | None,
        action: int | None,
        reference: int | None,
        media_kind: int | None,
        scheme: int | None,
        category: int | None,
        note: int | None,
        empty: list[int],
    ) -> Self: ...
    def read(self, block: bytes, /) -> list[tuple[int, bool, str | None, str | None, bytes] | bytes]: ...
    def categories(self, first: int, /) -> list[tuple[str, str]]: ...

def packed_hashes(packed: list[bytes], code: int, convention: int, /) -> tuple[bytes, bytes, bytes]: ...
def strongest_hashes(prefix: bytes, packed: list[bytes], /) -> list[bytes]: ...
def hmac_sha256(key: bytes, messages: list[bytes], /) -> list[bytes]: ...
def addition_lines(
    added: Sequence[tuple[int, object, int, str, str, bytes, str | None, str | None, int | None]], /
) -> bytes: ...
