"""Media at rest: sealed when they come in, opened with a reason, erased. At a hotline or the police only."""
