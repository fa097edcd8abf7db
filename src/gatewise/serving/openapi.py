"""What a server can be asked, as an OpenAPI 3.1 description; one dictionary, written by hand."""

from collections.abc import Sequence
from typing import Any

from gatewise.serving.guards import LONGEST_TEXT
from gatewise.serving.service import Limits

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "maxLength": LONGEST_TEXT}
NUMBER: Schema = {"type": "number"}
STRING: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
ERRORS = {
    "400": "The request cannot be read; the sentence says why.", "403": "A foreign Host or Origin.",
    "404": "No such model.", "408": "The request did not arrive in time.", "413": "Too many bytes or texts.",
    "503": "Too much is waiting, or the server closes down; Retry-After says for how long.",
    "504": "The request waited to its deadline.",
}  # fmt: skip


def described(version: str, models: Sequence[str], limits: Limits) -> Schema:
    """Describe a server of these models."""
    paths = {
        "/predict": {"post": _predict("predict", limits)},
        "/predict/{name}": _of(models, {"post": _predict("predictBy", limits)}),
        "/explain": {"post": _explain("explain")},
        "/explain/{name}": _of(models, {"post": _explain("explainBy")}),
        "/v2": {"get": _get("server", "Name and version of the server.", "name", "version", "extensions")},
        "/v2/health/live": {"get": _get("live", "Whether it is alive.", "live")},
        "/v2/health/ready": {"get": _ready("ready")},
        "/v2/models/{name}": _of(
            models,
            {"get": _get("metadata", "Inputs, outputs and labels of a model.", "name", "inputs", "outputs", of=True)},
        ),
        "/v2/models/{name}/ready": _of(models, {"get": _ready("modelReady", of=True)}),
        "/v2/models/{name}/infer": _of(models, {"post": _infer(limits)}),
        "/healthz": {"get": _get("healthz", "Whether it is alive.", "live")},
        "/readyz": {"get": _ready("readyz")},
        "/metrics": {"get": _other("metrics", "Counts and gauges, for Prometheus.", "text/plain")},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gatewise", "version": version,
            "description": "Classifies texts, and says which words spoke for the answer. The first model, "
            f"{models[0]}, answers where none is named; / is its page of explanations.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": _object({"error": STRING}), "Input": _input(limits)},
            "responses": {
                f"E{status}": {
                    "description": sentence,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for status, sentence in ERRORS.items()
            },
        },
    }  # fmt: skip


def _object(properties: dict[str, Schema], required: Sequence[str] | None = None, *, closed: bool = False) -> Schema:
    wanted = list(properties) if required is None else list(required)
    schema: Schema = {"type": "object", "properties": properties, "required": wanted}
    return schema | ({"additionalProperties": False} if closed else {})


def _list(items: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": items, **bounds}


def _texts(limits: Limits) -> Schema:
    return _list(TEXT, minItems=1, maxItems=limits.texts)


def _input(limits: Limits) -> Schema:
    return _object(
        {
            "name": {"const": "text"}, "datatype": {"const": "BYTES"},
            "shape": {**_list({"type": "integer", "minimum": 1}, minItems=1, maxItems=2)},
            "data": _texts(limits), "parameters": {"type": "object"},
        },
        ["name", "datatype", "shape", "data"], closed=True,
    )  # fmt: skip


def _errors(*statuses: str) -> Schema:
    return {status: {"$ref": f"#/components/responses/E{status}"} for status in statuses}


def _operation(name: str, summary: str, answer: Schema, errors: Schema, body: Schema | None = None) -> Schema:
    operation: Schema = {"operationId": name, "summary": summary}
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": body}}
    return operation | {"responses": {"200": {"description": "The answer.", "content": answer}} | errors}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _post(name: str, summary: str, answer: Schema, schema: Schema, example: Any) -> Schema:
    body = {"schema": schema, "example": example}
    return _operation(name, summary, _json(answer), _errors(*ERRORS), body)


def _predict(name: str, limits: Limits) -> Schema:
    label = _object({"label": STRING, "score": NUMBER})
    span = _object({"entity_group": STRING, "score": NUMBER, "word": STRING, "start": WHOLE, "end": WHOLE})
    each = _list({"anyOf": [label, span]})
    parameters = _object(
        {"top_k": {"type": ["integer", "null"], "minimum": 1}, "function_to_apply": {"enum": ["softmax", "none"]}},
        [], closed=True,
    )  # fmt: skip
    schema = _object({"inputs": {"anyOf": [TEXT, _texts(limits)]}, "parameters": parameters}, ["inputs"], closed=True)
    summary = "Labels and calibrated probabilities of one text or several, in Hugging Face's form."
    example = {"inputs": "A warm and funny film.", "parameters": {"top_k": 1}}
    return _post(name, summary, {"anyOf": [each, _list(each)]}, schema, example)


def _explain(name: str) -> Schema:
    token = _object({"token": STRING, "start": WHOLE, "end": WHOLE, "contribution": NUMBER, "companion": NUMBER})
    numbers = dict.fromkeys(("probability", "logit", "bias", "residual", "temperature"), NUMBER)
    answer = _object({"label": STRING, **numbers, "method": STRING, "tokens": _list(token)})
    parameters = _object({"target": STRING, "method": STRING}, [], closed=True)
    schema = _object({"inputs": TEXT, "parameters": parameters}, ["inputs"], closed=True)
    summary = "What each token, with its place in the text, adds to the logit; bias and residual make up the sum."
    return _post(name, summary, answer, schema, {"inputs": "A warm and funny film."})


def _infer(limits: Limits) -> Schema:
    tensor = _object({"name": STRING, "datatype": STRING, "shape": _list(WHOLE), "data": {"type": "array"}})
    answer = _object({"model_name": STRING, "id": STRING, "outputs": _list(tensor)}, ["model_name", "outputs"])
    output = _object({"name": STRING, "parameters": {"type": "object"}}, ["name"], closed=True)
    schema = _object(
        {
            "id": STRING, "parameters": {"type": "object"}, "outputs": _list(output),
            "inputs": _list({"$ref": "#/components/schemas/Input"}, minItems=1, maxItems=1),
        },
        ["inputs"], closed=True,
    )  # fmt: skip
    one = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["A warm and funny film."]}
    return _post(
        "infer", "The same answers in the Open Inference Protocol, version 2.", answer, schema, {"inputs": [one]}
    )


def _get(name: str, summary: str, *fields: str, of: bool = False) -> Schema:
    answer = _object({field: {} for field in fields})
    return _operation(name, summary, _json(answer), _errors("403", *(["404"] if of else [])))


def _ready(name: str, *, of: bool = False) -> Schema:
    operation = _get(name, "Whether it takes requests: 503 while it closes down.", "ready", of=of)
    operation["responses"]["503"] = {"description": "It closes down.", "content": _json(_object({"ready": {}}))}
    return operation


def _other(name: str, summary: str, kind: str) -> Schema:
    return _operation(name, summary, {kind: {"schema": STRING}}, _errors("403"))


def _of(models: Sequence[str], operations: Schema) -> Schema:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "enum": list(models)}}
    return {"parameters": [name]} | operations
