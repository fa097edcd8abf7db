"""gatewise: train, understand and ship LSTM text classifiers on an ordinary CPU.

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
    from gatewise.base.settings import TokenizerConfig as TokenizerConfig
    from gatewise.base.settings import TrainingConfig as TrainingConfig
    from gatewise.data.reading import read as read
    from gatewise.data.series import read_series as read_series
    from gatewise.explanation.phrases import Phrase as Phrase
    from gatewise.explanation.phrases import phrase as phrase
    from gatewise.explanation.shares import Explanation as Explanation
    from gatewise.explanation.shares import explain as explain
    from gatewise.explanation.tracing import trace as trace
    from gatewise.runtime.folder import load as load
    from gatewise.runtime.forecaster_folder import load_forecaster as load_forecaster
    from gatewise.tasks.classify.estimator import LSTMClassifier as LSTMClassifier
    from gatewise.tasks.classify.fit import train_classifier as train_classifier
    from gatewise.tasks.classify.measure import evaluate as evaluate
    from gatewise.tasks.classify.settings import Settings as Settings
    from gatewise.tasks.forecast.estimator import Forecaster as Forecaster
    from gatewise.tasks.forecast.fit import train_forecaster as train_forecaster

_HOMES = {
    "GatewiseError": "base.errors",
    "LSTMClassifier": "tasks.classify.estimator",
    "NetworkConfig": "base.settings",
    "Settings": "tasks.classify.settings",
    "TokenizerConfig": "base.settings",
    "TrainingConfig": "base.settings",
    "Explanation": "explanation.shares",
    "Forecaster": "tasks.forecast.estimator",
    "load_forecaster": "runtime.forecaster_folder",
    "read_series": "data.series",
    "train_forecaster": "tasks.forecast.fit",
    "Phrase": "explanation.phrases",
    "evaluate": "tasks.classify.measure",
    "explain": "explanation.shares",
    "load": "runtime.folder",
    "phrase": "explanation.phrases",
    "read": "data.reading",
    "trace": "explanation.tracing",
    "train_classifier": "tasks.classify.fit",
}

_LEARNING = ("Forecaster", "LSTMClassifier", "train_classifier", "train_forecaster")  # need the extra "train"


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name == "__version__":
        from importlib.metadata import version  # takes as long as the rest of `gatewise --help`

        return version("gatewise")
    if name not in _HOMES:
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    with needs("train"):
        return getattr(import_module(f"gatewise.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    learns = all(find_spec(package) for package in ("torch", "sklearn"))
    return sorted(["__version__", *(name for name in _HOMES if learns or name not in _LEARNING)])
