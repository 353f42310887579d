"""Hand-offs: signed envelopes to other installations, and signed receipts back. Nothing else crosses between them."""
