"""What can be done with reports, one file a use: taken in, ordered, worked on, read."""
