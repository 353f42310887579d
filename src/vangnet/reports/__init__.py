"""Reports: taken in from everywhere, joined, put in the right order, assessed with as little harm as possible."""
