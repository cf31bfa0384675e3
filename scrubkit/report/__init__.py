"""Reports: what a run found, as tables, figures and pages."""
