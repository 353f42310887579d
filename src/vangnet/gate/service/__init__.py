"""What is done with the gate: checking, choosing what follows, and reading what was decided."""
