"""Bytes → backend."""
