"""The command line: thin fronts over the Python functions, which do the work."""
