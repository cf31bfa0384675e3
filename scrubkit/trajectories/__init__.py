"""Watching a circuit form: hypotheses and progress measures along training runs, in one figure."""
