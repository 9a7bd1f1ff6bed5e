"""The command line: what telemetry does here, and how to end it, for those whose machine it is.

``otel-telemetry --app NAME VERB``, or mounted in an application's own program
(`otel_telemetry.integrations`). Nothing here sends events of its own.
"""
