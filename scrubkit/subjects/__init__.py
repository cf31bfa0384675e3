"""What is scrubbed: transformers and graphs of functions, behind one interface."""
