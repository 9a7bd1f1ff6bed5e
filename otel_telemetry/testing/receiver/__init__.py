"""A backend in the test's process: what it is told to answer, and what it got."""
