"""What can be done with hand-offs: `sending` ours, `receiving` those of others."""
