"""Neural sparse representation (NSR)."""
