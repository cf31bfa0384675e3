"""What the tests do not notice: rules of the definition broken by hand, and mutants of the code."""
