"""Modular arithmetic: one transformer block that adds in a cyclic group, by clock or by pizza."""
