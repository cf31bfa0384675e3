"""Methods under test, built in or brought along: scorers of hypotheses and finders of sites."""
