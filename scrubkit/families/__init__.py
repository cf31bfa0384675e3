"""Families of models whose algorithm is known; each is a folder that nothing but itself depends on."""
