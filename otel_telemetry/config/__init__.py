"""The settings: what each one may be, where its value comes from, and what it means."""
