"""Suites of programs: twins by construction, labelled on the source graph."""
