"""May it leave, and what of it."""
