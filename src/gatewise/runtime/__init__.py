"""A model folder to an answer, in NumPy: tokenizer, batches, cell, heads, companion, folder; never torch."""
