"""Controls that never run the model: where they do well, a suite is unfair."""
