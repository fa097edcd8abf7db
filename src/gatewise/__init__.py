"""gatewise: train, understand and ship LSTMs on an ordinary CPU: they classify texts and tag their words.

Public names are imported when first used (PEP 562), so that `gatewise --help` loads neither torch nor scikit-learn. Who
asks for one that needs an extra which is not installed is told so by MissingExtra; `import *` and dir() leave it out.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from gatewise.base.extras import needs

if TYPE_CHECKING:
    from gatewise.base.errors import GatewiseError as GatewiseError
    from gatewise.base.settings import NetworkConfig as NetworkConfig
    from gatewise.base.settings import TaggingConfig as TaggingConfig
    from gatewise.base.settings import TokenizerConfig as TokenizerConfig
    from gatewise.base.settings import TrainingConfig as TrainingConfig
    from gatewise.data.reading import read as read
    from gatewise.data.series import read_series as read_series
    from gatewise.data.tagged_reading import read_tagged as read_tagged
    from gatewise.explanation.phrases import Phrase as Phrase
    from gatewise.explanation.phrases import phrase as phrase
    from gatewise.explanation.shares import Explanation as Explanation
    from gatewise.explanation.shares import explain as explain
    from gatewise.explanation.tracing import trace as trace
    from gatewise.runtime.folder import load as load
    from gatewise.runtime.forecaster_folder import load_forecaster as load_forecaster
    from gatewise.runtime.tagger_folder import load_tagger as load_tagger
    from gatewise.tasks.classify.estimator import LSTMClassifier as LSTMClassifier
    from gatewise.tasks.classify.fit import train_classifier as train_classifier
    from gatewise.tasks.classify.measure import evaluate as evaluate
    from gatewise.tasks.classify.settings import Settings as Settings
    from gatewise.tasks.forecast.estimator import Forecaster as Forecaster
    from gatewise.tasks.forecast.fit import train_forecaster as train_forecaster
    from gatewise.tasks.tag.estimator import LSTMTagger as LSTMTagger
    from gatewise.tasks.tag.fit import train_tagger as train_tagger
    from gatewise.tasks.tag.measure import evaluate as evaluate_tagger  # noqa: F401
    from gatewise.tasks.tag.settings import TagSettings as TagSettings

_HOMES = {  # the module of each, and behind a colon its name there where that is another
    "GatewiseError": "base.errors",
    "LSTMClassifier": "tasks.classify.estimator",
    "LSTMTagger": "tasks.tag.estimator",
    "NetworkConfig": "base.settings",
    "Settings": "tasks.classify.settings",
    "TagSettings": "tasks.tag.settings",
    "TaggingConfig": "base.settings",
    "TokenizerConfig": "base.settings",
    "TrainingConfig": "base.settings",
    "Explanation": "explanation.shares",
    "Forecaster": "tasks.forecast.estimator",
    "load_forecaster": "runtime.forecaster_folder",
    "read_series": "data.series",
    "train_forecaster": "tasks.forecast.fit",
    "Phrase": "explanation.phrases",
    "evaluate": "tasks.classify.measure",
    "evaluate_tagger": "tasks.tag.measure:evaluate",
    "explain": "explanation.shares",
    "load": "runtime.folder",
    "load_tagger": "runtime.tagger_folder",
    "phrase": "explanation.phrases",
    "read": "data.reading",
    "read_tagged": "data.tagged_reading",
    "trace": "explanation.tracing",
    "train_classifier": "tasks.classify.fit",
    "train_tagger": "tasks.tag.fit",
}

_LEARNING = (  # need the extra "train"
    "Forecaster", "LSTMClassifier", "LSTMTagger", "train_classifier", "train_forecaster", "train_tagger",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name == "__version__":
        from importlib.metadata import version  # takes as long as the rest of `gatewise --help`

        return version("gatewise")
    if name not in _HOMES:
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    home, _, other = _HOMES[name].partition(":")
    with needs("train"):
        return getattr(import_module(f"gatewise.{home}"), other or name)


def __dir__() -> list[str]:
    learns = all(find_spec(package) for package in ("torch", "sklearn"))
    return sorted(["__version__", *(name for name in _HOMES if learns or name not in _LEARNING)])
