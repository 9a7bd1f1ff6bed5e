"""From an event's properties to OpenTelemetry: legal attributes, resources, scopes and records."""
