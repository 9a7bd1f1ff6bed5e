"""For other people's frameworks: one file each, which imports its framework and this package."""
