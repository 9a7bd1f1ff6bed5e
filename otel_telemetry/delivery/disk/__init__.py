"""Segments on disk: written, found, read, claimed of the dead, and deleted."""
