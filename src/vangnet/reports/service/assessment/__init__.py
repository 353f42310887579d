"""Looking at pictures, and answering what is asked about them."""
