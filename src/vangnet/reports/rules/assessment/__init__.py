"""Rules of looking at pictures and of answering what is asked about them."""
