"""The bench: methods are asked about labelled cases, and their answers are counted."""
