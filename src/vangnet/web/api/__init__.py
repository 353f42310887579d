"""The API under `/api/v1`, one file per capability, each with a `router` whose prefix is `/api/v1`."""
