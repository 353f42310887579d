"""StopNCII, version 1, on this machine, as far as it is described; with made-up hashes."""

import json
from typing import Any
from urllib.parse import parse_qs

from running.fake_service import FakeService

SUBSCRIPTION_KEY, FETCH_KEY, FEEDBACK_KEY = "canary-subscription", "canary-fetch", "canary-feedback"


class FakeStopncii(FakeService):
    """Serves `records` from `startTimestamp` on, `size` a page."""

    media_type = "application/json"

    def __init__(self, *, size: int = 10) -> None:
        super().__init__()
        self.size = size
        self.records: list[Any] = []
        self.feedback: list[dict[str, Any]] = []

    def add(self, value: str, status: str = "Active", *, kind: str = "ImagePDQ", at: int = 100) -> None:
        """A record whose case numbers and feedback say that it stands, whatever its status."""
        self.records.append({
            "lastModtimestamp": at, "signalType": kind, "hashValue": value, "hashStatus": status,
            "caseNumbers": {"case-1": "Active"},
            "CSPFeedbacks": [{"source": "other", "feedbackValue": "Blocked", "tags": []}],
        })  # fmt: skip

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """FetchHashes or SubmitFeedback; each function has a key of its own."""
        path, _, query = target.partition("?")
        keys = {"/FetchHashes": FETCH_KEY, "/SubmitFeedback": FEEDBACK_KEY}
        if path not in keys:
            return 404, b""
        shown = (headers.get("ocp-apim-subscription-key"), headers.get("x-functions-key"))
        if shown != (SUBSCRIPTION_KEY, keys[path]):
            return 401, b""
        if method == "POST":
            self.feedback += json.loads(body)["hashFeedbacks"]
            return 200, b"{}"
        asked = parse_qs(query)
        since, start = int(asked["startTimestamp"][0]), int(asked.get("nextPageToken", ["0"])[0])
        found = [
            record
            for record in self.records
            if not isinstance(record, dict) or record.get("lastModtimestamp", since) >= since
        ]
        page = found[start : start + self.size]
        more = start + self.size < len(found)
        times = [record.get("lastModtimestamp", 0) for record in found if isinstance(record, dict)]
        return 200, json.dumps({
            "count": len(page),
            "hashRecords": page,
            "nextPageToken": str(start + self.size) if more else "",
            "nextSetTimestamp": max([since, *times]),
            "hasMoreRecords": more,
        }).encode()  # fmt: skip
