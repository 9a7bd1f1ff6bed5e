"""OTLP: records encoded as protobuf, requests built of them and decoded, and their JSON."""
