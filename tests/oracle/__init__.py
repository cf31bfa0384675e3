"""An oracle of causal scrubbing that shares nothing with the package: numpy, float64, its own everything."""
