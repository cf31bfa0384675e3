"""Checkpoints of other projects, as models of ours."""
