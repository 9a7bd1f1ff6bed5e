"""Where events go: to a backend, to the spool, to the application, onto stderr, into a test."""
