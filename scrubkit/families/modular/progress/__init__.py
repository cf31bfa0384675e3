"""Progress measures along a training run, and the phases that they show (Nanda et al. 2023, section 5)."""
