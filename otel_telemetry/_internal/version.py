"""Which version of the library this is."""

VERSION = "0.1.0"
"""As the distribution has it. To look it up costs a program 17 ms; a test holds the two equal."""
