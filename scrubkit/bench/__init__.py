"""Cases whose answer is known: labels, mutants and suites."""
