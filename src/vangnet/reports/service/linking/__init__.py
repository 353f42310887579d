"""Which reports belong together: found by what they share, changed by people."""
