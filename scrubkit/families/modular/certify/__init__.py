"""Measured truth: spectra, certificates, the truth graph and how well a hypothesis matches it."""
