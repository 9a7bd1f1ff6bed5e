"""Whether telemetry may run: the decision, the user's saved choice, and who the installation is."""
