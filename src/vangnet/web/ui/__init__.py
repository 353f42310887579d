"""Pages, one file per capability, each with a `router`. They work without script."""
