"""Any file or folder to a stream of examples; splits; vocabulary."""
