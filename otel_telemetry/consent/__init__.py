"""Consent: the decision, the saved choice, the policy, and the identity of the installation."""
