"""Vangnet: hash lists that can be trusted, a gate at upload, reports in the right order, notices with a clock."""
