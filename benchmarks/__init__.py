"""Side-by-side measurements of otel_telemetry, the stock OpenTelemetry SDK and its peers."""
