"""The gate's front doors in other people's protocols: one module a protocol, and what they share."""
