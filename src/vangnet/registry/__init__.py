"""Hash lists: who supplies them, what is on them, whether they count, and who contests them."""
