"""The way of an event from `Telemetry.send` to a sink, while telemetry is on."""
