"""Programs trained from scratch, each variable of theirs at a place of its own."""
