"""Delivery of encoded records to an OTLP backend: queue, worker, transports, results."""
