"""Segments on disk: written, read, claimed of the dead, counted and deleted."""
