"""How much of the machine the embedded server may use."""

import pytest

from vangnet.db.embedded import sized

GIB = 1024**3


@pytest.mark.parametrize(
    ("memory_gib", "free_gib", "buffers", "log"),
    [(2, 1, "128MB", "128MB"), (24, 80, "768MB", "5120MB"), (512, 4000, "1024MB", "8192MB")],
)
def test_a_small_machine_is_not_filled_and_a_large_one_is_used(
    memory_gib: int, free_gib: int, buffers: str, log: str
) -> None:
    chosen = sized(memory_bytes=memory_gib * GIB, free_bytes=free_gib * GIB)
    assert (chosen["shared_buffers"], chosen["max_wal_size"]) == (buffers, log)
