"""Training from scratch until the model generalises, with runs that can be resumed."""
