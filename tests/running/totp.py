"""An authenticator app, written out from RFC 6238 apart from the product."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime


def code_of(secret: str, at: datetime | None = None) -> str:
    """The six digits that it shows at that time; now, unless said."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int((at or datetime.now(UTC)).timestamp()) // 30
    digest = hmac.new(key, step.to_bytes(8), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def shown_secret(html: str) -> str:
    """The key that a page shows under its QR code."""
    found = re.search(r'<p class="secret"><code>([A-Z2-7 ]+)</code>', html)
    assert found, html
    return found[1].replace(" ", "")
