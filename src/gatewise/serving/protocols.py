"""What is asked in JSON to texts, and answers to JSON, in the forms that others know. Knows no HTTP.

Hugging Face's text classification (and token classification, for a tagger), and the Open Inference Protocol, version 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from gatewise.base.errors import DataError, one_line
from gatewise.serving.guards import LONGEST_TEXT
from gatewise.serving.models import Answer, Scores

INPUT = "text"  # the one input of a model, in the Open Inference Protocol
NUMBERS = "FP64"


class TooMuch(DataError):
    """A request asks for more than one request may."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Texts to be answered, and what is said of the form of the answers."""

    texts: list[str]
    single: bool = False  # one text outside a list
    most: int | None = None  # labels a text, the likeliest first; None for all
    raw: bool = False  # logits instead of probabilities
    identity: str | None = None  # the request's own, given back
    outputs: tuple[str, ...] = ()  # those wanted; none for all


def predict_request(body: Any, most_texts: int) -> Asked:
    """Read Hugging Face's form: {"inputs": text or list of texts, "parameters": {"top_k", "function_to_apply"}}."""
    fields = _object(body, "The request", ("inputs", "parameters"))
    inputs = fields.get("inputs")
    single = isinstance(inputs, str)
    texts = _texts([inputs] if single else inputs, "inputs", most_texts)
    parameters = _object(fields.get("parameters") or {}, "parameters", ("top_k", "function_to_apply"))
    most, function = parameters.get("top_k"), parameters.get("function_to_apply") or "softmax"
    if most is not None and (type(most) is not int or most < 1):
        raise DataError(
            f"parameters.top_k is {_shown(most)}; give a whole number from 1, or leave it out for all labels."
        )
    if function not in ("softmax", "none"):
        raise DataError(
            f"parameters.function_to_apply is {_shown(function)}; give softmax (probabilities) or none (logits)."
        )
    return Asked(texts, single, most, function == "none")


def predict_answer(asked: Asked, answers: Sequence[Answer]) -> list[Any]:
    """Write answers in Hugging Face's form: of one text a list of labels, of several a list of lists."""
    lists = [_labels(asked, answer) if isinstance(answer, Scores) else _spans(answer) for answer in answers]
    return lists[0] if asked.single else lists


def _labels(asked: Asked, scores: Scores) -> list[dict[str, Any]]:
    values = (scores.logits if asked.raw else scores.probabilities).tolist()
    order = sorted(range(len(values)), key=lambda place: -values[place])[: asked.most]
    return [{"label": scores.labels[place], "score": values[place]} for place in order]


def _spans(spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    names = {"label": "entity_group", "probability": "score", "text": "word"}
    return [{names.get(name, name): value for name, value in span.items()} for span in spans]


def explain_request(body: Any) -> tuple[str, str | None, str | None]:
    """Read {"inputs": text, "parameters": {"target", "method"}}; give text, label or None, and method or None."""
    fields = _object(body, "The request", ("inputs", "parameters"))
    (text,) = _texts([fields.get("inputs")], "inputs", 1)
    parameters = _object(fields.get("parameters") or {}, "parameters", ("target", "method"))
    for name in ("target", "method"):
        if not isinstance(parameters.get(name, ""), str):
            raise DataError(
                f"parameters.{name} is {_shown(parameters[name])}; give its name, a string, or leave it out."
            )
    return text, parameters.get("target"), parameters.get("method")


def infer_request(body: Any, most_texts: int, outputs: Sequence[str]) -> Asked:
    """Read an inference request of version 2, with one input of BYTES: shape [N] or [N, 1], data flat or nested."""
    fields = _object(body, "The request", ("id", "inputs", "outputs", "parameters"))
    identity, inputs = fields.get("id"), fields.get("inputs")
    if identity is not None and not isinstance(identity, str):
        raise DataError(f"id is {_shown(identity)}; give a string, or leave it out.")
    if not isinstance(inputs, list) or len(inputs) != 1:
        raise DataError(f"inputs must be a list of one input, named {INPUT}, of datatype BYTES.")
    tensor = _object(inputs[0], "inputs[0]", ("name", "shape", "datatype", "data", "parameters"))
    if tensor.get("name") != INPUT or tensor.get("datatype") != "BYTES":
        raise DataError(f"inputs[0] must have the name {INPUT!r} and the datatype 'BYTES'.")
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(data, list):
        raise DataError("inputs[0].data is no list; give a list of texts.")
    flat = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in data[: most_texts + 1]]
    if shape not in ([len(data)], [len(data), 1]) or not all(type(size) is int for size in shape):
        raise DataError(f"inputs[0].shape is {_shown(shape)} and its data hold {len(data)} texts; give [{len(data)}].")
    texts = _texts(flat, "inputs[0].data", most_texts)
    return Asked(texts, identity=identity, outputs=_wanted(fields.get("outputs"), outputs))


def _wanted(given: Any, known: Sequence[str]) -> tuple[str, ...]:
    """Give the names of the outputs asked for."""
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > len(known):
        raise DataError(f"outputs must be a list of some of {', '.join(known)}.")
    names = [_object(one, "An output", ("name", "parameters")).get("name") for one in given]
    if unknown := [name for name in names if name not in known]:
        raise DataError(f"There is no output {_shown(unknown[0])}; the model's are {', '.join(known)}.")
    return tuple(map(str, names))


def infer_answer(asked: Asked, model: str, outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write an inference response of version 2."""
    chosen = [one for one in outputs if not asked.outputs or one["name"] in asked.outputs]
    identity = {} if asked.identity is None else {"id": asked.identity}
    return {"model_name": model, **identity, "outputs": chosen}


def tensor(name: str, datatype: str, shape: Sequence[int], data: list[Any]) -> dict[str, Any]:
    """Write one output."""
    return {"name": name, "datatype": datatype, "shape": list(shape), "data": data}


def _object(value: Any, name: str, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{name} is {_shown(value)}; give a JSON object with {', '.join(known)}.")
    if unknown := [key for key in value if key not in known]:
        raise DataError(f"{name} holds {_shown(unknown[0])}, which means nothing here; known are {', '.join(known)}.")
    return value


def _texts(values: Any, name: str, most: int) -> list[str]:
    """Take a list of texts, none too many and none too long."""
    if not isinstance(values, list):
        _no_text(values, name)
    if not values:
        raise DataError(f"{name} is an empty list; give at least one text.")
    if len(values) > most:
        raise TooMuch(f"{name} holds more than {most:,} texts; send them in several requests.")
    for place, text in enumerate(values):
        if not isinstance(text, str):
            _no_text(text, f"{name}[{place}]" if len(values) > 1 else name)
        if len(text) > LONGEST_TEXT:
            raise TooMuch(f"{name}[{place}] has {len(text):,} characters; give at most {LONGEST_TEXT:,} a text.")
    return values


def _no_text(value: Any, name: str) -> NoReturn:
    raise DataError(f"{name} is {_shown(value)}; give a text, a string.")


def _shown(value: Any) -> str:
    """Name a value in an error: a string's beginning, else what kind it is."""
    if value is None or isinstance(value, bool | int | float):
        return "missing" if value is None else one_line(str(value).lower(), 40)
    if isinstance(value, str):
        return repr(one_line(value, 40))
    return "a list" if isinstance(value, list) else "an object"
