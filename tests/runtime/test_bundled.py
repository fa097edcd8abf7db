"""Which bundled model reads a text: its script says."""

import pytest

from gatewise.runtime.bundled import BUNDLED, model_for


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("这家酒店很干净", "sentiment-zh"),
        ("這家酒店很乾淨", "sentiment-zh"),
        ("iPhone的屏幕很好，推荐", "sentiment-zh"),
        ("好", "sentiment-zh"),
        ("The film called 英雄 is worth every minute of it", "sentiment-en"),
        ("What a film!", "sentiment-en"),
        ("この映画はとても良い", "sentiment-en"),
        ("훌륭한 영화", "sentiment-en"),
        ("", "sentiment-en"),
        ("10/10 !!", "sentiment-en"),
    ],
)
def test_bundled_model_goes_by_the_script(text, name):
    assert model_for(text) == name


def test_bundled_names_stand_in_the_box():
    for name, place in BUNDLED.items():
        assert place.name == name and (place / "model.safetensors").stat().st_size > 1 << 20
