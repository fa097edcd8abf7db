"""Text without labels to an encoder that already reads."""
