"""Rules of the order in which reports are opened."""
