"""What a certificate measures, one idea per file; each takes a `Layout` and returns figures."""
