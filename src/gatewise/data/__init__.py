"""Any file or folder to a stream of examples; splits; vocabulary.

In this order: named, layout, opening, table, columns, then the formats (delimited, lines, objects, arrow; formats
chooses), parts, part, reading; vocabulary, splitting. Only arrow knows pyarrow, and only late.
"""
