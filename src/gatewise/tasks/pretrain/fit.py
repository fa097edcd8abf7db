"""From unlabelled text to a pretrained encoder, as a folder: where `gatewise train --pretrained` starts from."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.base.errors import ConfigError
from gatewise.base.settings import Storage
from gatewise.data.part import Dataset
from gatewise.nets.encoder import EMBEDDING_STD
from gatewise.nets.language import LanguageModel
from gatewise.nets.vectors import word_vectors
from gatewise.runtime import folder
from gatewise.runtime.encoder import PretrainedEncoder, shaped_as
from gatewise.tasks.pretrain.prepare import Corpus, prepare_corpus
from gatewise.tasks.pretrain.settings import PretrainingSettings
from gatewise.training.checkpoint import Checkpoint
from gatewise.training.device import seeded
from gatewise.training.log import Event, tell_logger
from gatewise.training.loop import train
from gatewise.training.session import Report, Session, Stopped, opened, reserved, settle


def pretrain_encoder(
    dataset: Dataset,
    out: Path | str,
    *,
    settings: PretrainingSettings | None = None,
    start: PretrainedEncoder | None = None,
    storage: Storage = "float32",
    resume: bool = False,
    overwrite: bool = False,
    report: Report = tell_logger,
    stopped: Stopped = lambda: False,
) -> PretrainedEncoder:
    """Train a language model on a data set's text, labels unseen, and leave an encoder folder at `out`.

    With `start`, an encoder goes on learning: its tokenizer, weights and shape are taken. While it runs, the folder
    `out`.training keeps what a resumed run needs. Raises GatewiseError before anything is written or lost, and where
    another run is going on for `out`.
    """
    session, out = Session(report=report, stopped=stopped), Path(out)
    defaults = shaped_as(start, PretrainingSettings(), grows=True) if start else PretrainingSettings()
    with reserved(out):
        settings = settle(out, settings, defaults, resume=resume, overwrite=overwrite)
        if start and shaped_as(start, settings, grows=True) != settings:
            raise ConfigError(
                "The encoder to go on from has another shape; leave out the options that shape the network."
            )
        corpus = prepare_corpus(dataset, settings, start.tokenizer if start else None)
        with opened(session, out, settings, corpus.notes, resume=resume) as session, seeded(settings.training):
            network = language_model(corpus, settings, start, fresh=not session.resume)
            event = train(
                network, corpus.train, corpus.dev, settings.training, session, baseline=guessing(corpus, settings),
                checkpoint=Checkpoint(fingerprint=corpus.fingerprint() + " backward" * network.backward_alone),
            )  # fmt: skip
        weights = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
        facts = facts_of(corpus, settings, start, event)
        encoder = PretrainedEncoder(corpus.tokenizer, settings.network, weights, facts)
        folder.save_encoder(encoder, out, overwrite=overwrite or resume, storage=storage, extra=session.log())
        if not stopped():
            session.finish()
        return encoder


def guessing(corpus: Corpus, settings: PretrainingSettings) -> float:
    """Give the loss of naming every word with the same chance, in both tasks."""
    return (1 + settings.pretraining.ahead) * float(np.log(corpus.tokenizer.vocab_size))


def facts_of(
    corpus: Corpus, settings: PretrainingSettings, start: PretrainedEncoder | None, event: Event
) -> dict[str, Any]:
    """Give what is known of a pretraining whose last event this is: its text, its settings, where it started."""
    facts = corpus.notes | {
        "trained_seconds": round(event.seconds, 1), "trained_tokens": event.values["tokens"], "steps": event.step,
        "epochs": round(event.epoch, 3), "dev_perplexity": round(float(np.exp(-event.values["best"])), 2),
        "settings": settings.flat(),
    }  # fmt: skip
    if adds_backward(start, settings):
        facts["learnt"] = "the backward direction alone"
    if start:
        facts["started_from"] = {name: value for name, value in start.facts.items() if name != "settings"}
    return facts


def adds_backward(start: PretrainedEncoder | None, settings: PretrainingSettings) -> bool:
    """Say whether a one-directional encoder is to learn the backward direction too."""
    return start is not None and settings.network.bidirectional and not start.network.bidirectional


def language_model(
    corpus: Corpus, settings: PretrainingSettings, start: PretrainedEncoder | None, *, fresh: bool
) -> LanguageModel:
    """Build the network with its first weights: an encoder's, or new ones with word vectors in the embedding."""
    vocab_size = corpus.tokenizer.vocab_size
    counts = np.bincount(corpus.train.steps, minlength=vocab_size).astype(np.float64)
    network = LanguageModel(settings.network, settings.pretraining, counts)
    if start:
        weights = {name: torch.from_numpy(array) for name, array in start.weights.items()}
        network.load_state_dict(weights, strict=not adds_backward(start, settings))
        if adds_backward(start, settings):
            network.add_backward()
    elif settings.training.word_vectors and fresh:
        shape = network.embedding.weight.shape
        vectors = word_vectors([corpus.train], *shape, std=EMBEDDING_STD, seed=settings.training.seed)
        network.embedding.weight.data.copy_(torch.from_numpy(vectors))
    return network
