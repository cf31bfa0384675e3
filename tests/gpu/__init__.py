"""Tests that need a CUDA device; ``python -m tests.gpu`` runs them and prints the speed of a scrub."""
