"""The audit trail: who did what, written with the deed, chained soon after, and checkable by anyone with the heads."""
