"""The errors a user can meet: one sentence each, saying what was wrong, where, and what to do next."""


class GatewiseError(Exception):
    """Stop with one sentence a user can act on; the command line prints it and exits with code 2."""


class ConfigError(GatewiseError, ValueError):
    """An option or setting has a value that cannot be used."""


class DataError(GatewiseError, ValueError):
    """A data set, file, row or label cannot be used."""


class ModelError(GatewiseError):
    """A model folder or checkpoint is missing, damaged or not ours."""


class TrainingError(GatewiseError):
    """Training cannot go on or cannot start."""


class MissingExtra(GatewiseError, ImportError):
    """A package is needed that only an extra of gatewise brings."""


def one_line(text: object, limit: int = 200) -> str:
    """Fit foreign text into a sentence: on one line, without control characters, cut at so many characters."""
    printable = (character if character.isprintable() else " " for character in str(text)[: 4 * limit])
    return " ".join("".join(printable).split())[:limit].rstrip(". ")
