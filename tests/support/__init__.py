"""Real parts for the tests: collectors, proxies, certificates, child processes."""
