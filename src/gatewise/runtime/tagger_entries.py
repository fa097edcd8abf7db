"""What a tagger's config.json may say beside what every one does; knows no files."""

from typing import Any, get_args

from gatewise.runtime.facts import Check, number, whole
from gatewise.runtime.features import SPACE, Kind
from gatewise.runtime.words import RULES

MOST_TAGS, MOST_WORDS = 4_001, 5_000_000


def _tags(value: Any) -> bool:
    """Say whether these are tags, each once."""
    alike = isinstance(value, list) and all(isinstance(tag, str) and tag for tag in value)
    return alike and 1 <= len(value) <= MOST_TAGS and len({*value}) == len(value)


TAGGER_ENTRIES: dict[str, Check] = {
    "tags": _tags,
    "spans": lambda value: type(value) is bool,
    "temperature": number(1e-3),
    "rule": lambda value: isinstance(value, str) and value in RULES,
    "units": lambda value: isinstance(value, str) and value in get_args(Kind),
    "words": whole(0, MOST_WORDS),
    "known": whole(0, MOST_WORDS),
    "features": whole(0, SPACE),
    "own_features": whole(0, SPACE // 2),
    "lowercase": lambda value: type(value) is bool,
    "tagging": lambda value: isinstance(value, dict),
}
