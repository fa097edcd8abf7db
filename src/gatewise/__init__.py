"""gatewise: train, understand and ship LSTM text classifiers on an ordinary CPU.

Public names are imported when first used (PEP 562), so that `gatewise --help` loads neither torch nor scikit-learn.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise.attribution import Explanation as Explanation
    from gatewise.attribution import Phrase as Phrase
    from gatewise.attribution import explain as explain
    from gatewise.attribution import phrase as phrase
    from gatewise.classifier import LSTMClassifier as LSTMClassifier
    from gatewise.classifier import train_classifier as train_classifier
    from gatewise.config import NetworkConfig as NetworkConfig
    from gatewise.config import Settings as Settings
    from gatewise.config import TokenizerConfig as TokenizerConfig
    from gatewise.config import TrainingConfig as TrainingConfig
    from gatewise.errors import GatewiseError as GatewiseError
    from gatewise.evaluation import evaluate as evaluate
    from gatewise.folder import load as load
    from gatewise.reading import read as read
    from gatewise.tracing import trace as trace

_HOMES = {
    "GatewiseError": "errors",
    "LSTMClassifier": "classifier",
    "NetworkConfig": "config",
    "Settings": "config",
    "TokenizerConfig": "config",
    "TrainingConfig": "config",
    "Explanation": "attribution",
    "Phrase": "attribution",
    "evaluate": "evaluation",
    "explain": "attribution",
    "load": "folder",
    "phrase": "attribution",
    "read": "reading",
    "trace": "tracing",
    "train_classifier": "classifier",
}

__all__ = [*sorted(_HOMES), "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("gatewise")
    if name not in _HOMES:
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    return getattr(import_module(f"gatewise.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
