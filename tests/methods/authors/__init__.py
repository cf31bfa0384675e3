"""Our figures beside those of the authors' own code, where it is installed."""
