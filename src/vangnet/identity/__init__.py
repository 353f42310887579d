"""Our own people and their roles, the parties we know, and how each of them proves who they are."""
