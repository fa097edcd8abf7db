"""What a model does inside one text, and what each word is worth.

In this order: clamping, answers, tracing, contextual, gradients, shares, phrases, faithfulness, whatif, story.
"""
