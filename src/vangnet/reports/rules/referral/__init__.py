"""Rules of what goes to another party, and of what is made of it there."""
