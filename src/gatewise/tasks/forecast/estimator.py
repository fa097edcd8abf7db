"""A forecaster as a scikit-learn estimator: tables in, quantiles out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gatewise.base.errors import ConfigError
from gatewise.base.settings import refuse_unknown, takes
from gatewise.data.series import read_series
from gatewise.runtime.forecaster import QUANTILES, ForecastModel, last_origins
from gatewise.runtime.forecaster_folder import load_forecaster, save_forecaster
from gatewise.runtime.series import SeriesTable
from gatewise.runtime.windows import Floats
from gatewise.tasks.forecast.fit import fit
from gatewise.tasks.forecast.prepare import prepare
from gatewise.tasks.forecast.settings import ForecastSettings
from gatewise.training.session import Session

MEDIAN = QUANTILES.index(0.5)


class Forecaster(BaseEstimator):  # type: ignore[misc]
    """Forecast a column, as a scikit-learn estimator: fit(table), predict(table), quantiles(table).

    A table is a file's name, a data frame of pandas or polars, an Arrow table, a mapping of columns, a vector, or a
    SeriesTable. Other arguments are the settings of the same name, and None takes their default; `random_state` is the
    seed. After fit, `model_` holds the gatewise ForecastModel.
    """

    @takes(ForecastSettings(), leave_out=("seed",))
    def __init__(
        self, *, target: str | None = None, known: Sequence[str] = (), random_state: int | None = None, **given: Any
    ) -> None:
        names = [name for name in ForecastSettings().flat() if name != "seed"]
        if "seed" in given:
            raise ConfigError("Forecaster has no setting named 'seed'; scikit-learn's name for it is random_state.")
        refuse_unknown(names, given)
        self.__dict__.update(dict.fromkeys(names) | given, target=target, known=known, random_state=random_state)

    def fit(self, X: Any, y: None = None) -> "Forecaster":
        """Train on a table."""
        values = self.get_params()
        target, known, seed = (values.pop(name) for name in ("target", "known", "random_state"))
        table = self._read(X)
        settings = ForecastSettings().replace(**values, seed=seed)
        self.model_ = trained_on(table, target or table.columns[0], tuple(known), settings)
        return self

    def predict(self, X: Any) -> Floats:
        """Give the medians of the rows after each series' last measured value: [h], or [S, h] of several series."""
        found = self.quantiles(X)[..., MEDIAN]
        return found[0] if len(found) == 1 else found

    def quantiles(self, X: Any) -> Floats:
        """Give the quantiles 0.1 to 0.9 of these rows, [S, h, 9]."""
        check_is_fitted(self)
        table = self._read(X)
        return self.model_.answer(table, last_origins(table, self.model_.target))

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the fitted forecaster as a folder that `gatewise forecast` reads."""
        check_is_fitted(self)
        save_forecaster(self.model_, path, overwrite=overwrite)

    @classmethod
    def load(cls, path: Path | str) -> "Forecaster":
        """Read a folder as a fitted estimator; raise ModelError."""
        model = load_forecaster(path)
        told = dict(model.facts.get("settings", {}))
        names = ForecastSettings().flat()
        loaded = cls(
            target=model.target, known=model.reading.known, random_state=told.pop("seed", None),
            **{name: told[name] for name in names if name in told},
        )  # fmt: skip
        loaded.model_ = model
        return loaded

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _read(self, X: Any) -> SeriesTable:
        if isinstance(X, SeriesTable):
            return X
        one = isinstance(X, np.ndarray) and X.ndim == 1
        return read_series(X, target=None if one else self.target, known=tuple(self.known) or None)


def trained_on(table: SeriesTable, target: str, known: tuple[str, ...], settings: ForecastSettings) -> ForecastModel:
    """Train without a folder."""
    model, _ = fit(prepare(table, target, known, settings), settings, Session())
    return model
