"""What is done with lists and entries, one file a use case."""
