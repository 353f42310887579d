"""The gate: known material is stopped at upload."""
