"""Texts with a label each to a trained, calibrated, measured classifier."""
