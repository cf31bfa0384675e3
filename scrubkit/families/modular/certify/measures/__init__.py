"""What a certificate measures, one idea a file; each takes a `Layout` and returns figures."""
