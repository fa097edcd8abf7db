"""The cards say what a model or encoder is, and user text cannot break out of them."""

import dataclasses

import numpy as np

from gatewise.base.settings import NetworkConfig
from gatewise.runtime.cards import card, encoder_card
from gatewise.runtime.encoder import PretrainedEncoder

HOSTILE = "`code`\n---\n# A heading <script>\x1b[2J"


def test_cards_of_a_model_name_its_shape_labels_data_and_limits(tiny_model):
    shown = card(tiny_model, "mine")
    assert shown.startswith("---\n") and "# `mine`" in shown
    for part in ("Labels: `neg`, `pos`", "8 units in both directions", "tiny reviews", "## Limits", "hidden_size=8"):
        assert part in shown


def test_cards_of_an_encoder_say_what_it_read_and_that_it_answers_nothing(tiny_model):
    network = NetworkConfig(embedding_dim=12, hidden_size=8, bidirectional=False)
    facts = {"data": "mail", "training_tokens": 12345, "dev_perplexity": 45.6, "settings": {"seed": 7}}
    shown = encoder_card(PretrainedEncoder(tiny_model.tokenizer, network, {"bias": np.zeros(1)}, facts), "reader")
    for part in ("# `reader`", "- training_tokens: `12345`", "45.6", "`seed=7`", "1 layer of 8 units.", "--pretrained"):
        assert part in shown.replace(" \n", " ").replace("\n", " ") or part in shown
    assert "both directions" not in shown


def test_cards_keep_user_text_inside_its_place(tiny_model):
    facts = tiny_model.facts | {"data": HOSTILE}
    model = dataclasses.replace(tiny_model, facts=facts, labels=(HOSTILE, "pos"))
    shown = card(model, HOSTILE)
    assert "\x1b" not in shown and "\n# A heading" not in shown and shown.count("\n---\n") == 1
