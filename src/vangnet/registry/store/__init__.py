"""The tables of the registry, one file a subject."""
