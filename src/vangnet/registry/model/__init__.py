"""What the registry speaks of, and its rules. Pure: types, tables of states, one file a subject."""
