"""What is kept how long, and erased: the terms, and the step that applies them. What figures need stays."""
