"""Rules of taking reports in."""
