"""An OTLP backend in the process of the test."""
