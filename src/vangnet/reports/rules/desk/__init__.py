"""Rules of the work at the desk: how far it reaches, whom danger calls, what is missed."""
