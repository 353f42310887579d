"""Third parties' own interfaces: one HTTP client, and one module per interface. Models only; no database."""
