"""Rules of evidence that others have, and of asking them to keep it."""
