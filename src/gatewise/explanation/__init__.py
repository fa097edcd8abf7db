"""What a model does inside one text, and what each word is worth: clamping, answers, tracing, the rest."""
