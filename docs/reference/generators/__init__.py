"""Makes the pages of docs/reference from the code, through cog: `make docs` renews them, `make lint` finds stale ones.

Each module makes one page. What they print depends on the code alone: no time, no folder, no version of this machine.
"""
