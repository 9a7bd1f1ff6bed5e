"""The way of an event from `send` to a sink, once telemetry is on."""
