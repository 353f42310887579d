"""What goes to other parties and comes from them, and what became of it."""
