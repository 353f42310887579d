"""The order in which reports are opened, and the policy that it follows."""
