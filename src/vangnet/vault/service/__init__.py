"""What can be done with the vault: `switching` it on, `keeping` media, `opening` and `erasing` them, `looking` after it."""
