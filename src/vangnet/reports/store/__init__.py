"""The tables of reports, one file a subject."""
