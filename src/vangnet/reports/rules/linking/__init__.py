"""Rules of which reports belong together."""
