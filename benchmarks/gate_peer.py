"""What `gate_check.py` is compared with: Flask and python-threatexchange, hashing an upload and looking the hash up.

    python benchmarks/gate_peer.py PORT HASHES

HASHES is a file of PDQ hashes, 32 bytes each. It is what a platform writes in an afternoon with the field's own library, as
that library's documentation shows it; no sandbox, no keys, no policy, nothing kept. One request at a time: who has two
processors starts two of them.
"""

import sys
from pathlib import Path

from flask import Flask, Response, jsonify, request
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes
from threatexchange.signal_type.pdq.pdq_index import PDQIndex


def main() -> None:
    """Serves until it is killed."""
    port, hashes = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()
    index = PDQIndex([(hashes[at : at + 32].hex(), at // 32) for at in range(0, len(hashes), 32)])
    app = Flask("peer")

    @app.post("/check")
    def check() -> Response:
        hash_, quality = pdq_from_bytes(request.get_data())
        found = index.query(hash_) if quality >= 50 else []
        return jsonify({"matches": [match.metadata for match in found]})

    @app.get("/ready")
    def ready() -> str:
        return "yes"

    app.run(port=port, threaded=False)


if __name__ == "__main__":
    main()
