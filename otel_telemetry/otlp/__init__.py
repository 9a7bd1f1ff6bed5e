"""OTLP protobuf: encoded, nested into requests, and read."""
