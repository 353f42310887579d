"""What follows from what, one package a subject: no database, no network, and the time is given. Pure."""
