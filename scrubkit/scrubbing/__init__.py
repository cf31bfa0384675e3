"""Causal scrubbing: the plan, the draws, the reference, the fast engine and the score."""
