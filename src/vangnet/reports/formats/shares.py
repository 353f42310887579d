"""Which part of a delivery is whose, where several processes read it side by side. Pure."""

import re
import zlib
from dataclasses import dataclass

#: A number in the name of a delivery: `12345678.zip`, `CyberTip_12345678`.
NUMBERED = re.compile(r"(?:[A-Za-z]+[ _-]?)*+(?P<number>[0-9]{5,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of `of` shares, counted from 0. What is of one report by its name is in one share, in the order of its names."""

    number: int = 0
    of: int = 1

    def has(self, where: str) -> bool:
        """Whether what lies there is in this share."""
        if self.of == 1:
            return True
        found = NUMBERED.match(where.rpartition("/")[2])
        return (
            zlib.crc32((where if found is None else found["number"]).encode("utf-8", "surrogatepass")) % self.of
            == self.number
        )

    @property
    def is_first(self) -> bool:
        """Whether what is nobody's is told with this one."""
        return self.number == 0


WHOLE = Share()
