"""Sentences whose words carry labels to a tagger that answers with spans and their exact probability."""
