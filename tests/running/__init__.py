"""What tests and the soak run for real: workers, installations, and a proxy that breaks connections."""
