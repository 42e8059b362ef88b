"""The embedded log: EventStoreDB's gRPC protocol over one SQLite file.

For a laptop, a test and a small district: everything that reaches the log through ``esdbclient`` finds here what it would find
at a single-node EventStoreDB. Read it in this order: ``wire`` (bytes of an event), ``rules`` (what an append may do), ``storage``
(the file), ``log`` (one writer, group commit, live tail), ``subscriptions`` and ``streams`` (the service), ``server`` (the process).
"""

from shared.eventlog.embedded.server import EmbeddedServer, serve
from shared.eventlog.embedded.storage import DirectoryInUse, StorageError

__all__ = ["DirectoryInUse", "EmbeddedServer", "StorageError", "serve"]
