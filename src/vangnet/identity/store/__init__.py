"""The tables of people, sign-in, parties and keys; one file a subject."""
