"""Payload → OpenTelemetry."""
