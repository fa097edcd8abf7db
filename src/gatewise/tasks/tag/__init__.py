"""Tagging: labels for the words of sentences."""
