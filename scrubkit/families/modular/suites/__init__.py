"""The suites of this family: its models, hypotheses that are true of them, and operators that break these."""
