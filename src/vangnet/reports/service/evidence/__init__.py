"""Evidence that others have: its clocks, and asking them to keep it."""
