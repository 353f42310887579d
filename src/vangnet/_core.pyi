from typing import Self, final

__all__ = [
    "Digester",
    "digests",
    "hamming_distance",
    "pdq_dihedral_hashes",
    "pdq_hash",
    "pdq_transform",
    "pdq_transform_scaled",
]

def hamming_distance(a: bytes, b: bytes, /) -> int: ...

# --- pdq ----------------------------------------------------------------------------------------------------------

def pdq_transform(
    pixels: bytes | memoryview, width: int, height: int, /, *, floor512: bool = False
) -> tuple[bytes, int]: ...
def pdq_transform_scaled(scaled: bytes, width: int, height: int, scale: int, /) -> tuple[bytes, int]: ...
def pdq_hash(coefficients: bytes, /) -> bytes: ...
def pdq_dihedral_hashes(coefficients: bytes, /) -> list[bytes]: ...

# --- digests ------------------------------------------------------------------------------------------------------

def digests(data: bytes, /) -> tuple[bytes, bytes, bytes]: ...

@final
class Digester:
    def __new__(cls) -> Self: ...
    def update(self, data: bytes, /) -> None: ...
    def finish(self) -> tuple[bytes, bytes, bytes]: ...
