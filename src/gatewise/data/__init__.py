"""Any file or folder to a stream of examples; splits; vocabulary.

In this order: named, layout, opening, table, columns, then the formats (delimited, lines, objects, arrow; formats
chooses), parts, part, reading; vocabulary, splitting. Only arrow knows pyarrow, and only late.

Labelled words, in this order: tagged_layout, tagged (what all become), then the forms (tagged_columns, tagged_conllu,
tagged_objects, tagged_brat; tagged_spans turns what is drawn over a text into tags), tagged_parts, tagged_reading, and
tagged_write, which turns sentences into any form.
"""
