"""What a report is, and the rules that need nothing but it: types, states, linking and order, one file a subject. Pure."""
