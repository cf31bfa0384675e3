"""Models whose algorithm is known: their shape, weights, record and storage."""
