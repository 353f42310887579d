"""Taking reports in: kept first, read afterwards, their files known again."""
