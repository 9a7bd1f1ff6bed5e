"""Delivery by another process, for programs that end before their events are delivered."""
