"""Any file or folder to a stream of examples; splits; vocabulary.

In this order: named, columns, formats, reading, vocabulary, splitting. Only formats knows Arrow, and only late.
"""
