"""Jobs: what is done after a transaction, by the worker. The only place where a third party meets a service."""
