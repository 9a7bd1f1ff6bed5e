"""The command line: shows users what telemetry does on their machine, and lets them turn it off.

``otel-telemetry --app NAME VERB``, or a command of the application's own program
(`otel_telemetry.integrations`). The command line sends no events of its own.
"""
