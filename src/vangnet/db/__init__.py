"""The database: one pool, one way to open a transaction, and jobs that are enqueued in the same transaction.

Nothing here knows what is stored. SQL lives in each capability's `store.py` and in `migrations/`.
"""

from vangnet.db.connection import Connection
from vangnet.db.pool import Database, open_database
from vangnet.db.queue import defer, hasten

__all__ = ["Connection", "Database", "defer", "hasten", "open_database"]
