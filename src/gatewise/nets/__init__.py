"""Torch modules and their first weights."""
