"""From tagged sentences to a trained, calibrated Tagger: the one place that strings the steps together."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gatewise.base.settings import Storage
from gatewise.data.tagged import TaggedDataset
from gatewise.nets.tag import Sizes, TagLSTM, arrays_of
from gatewise.runtime import folder, tagger_folder
from gatewise.runtime.batches import Sequences
from gatewise.runtime.crf import constraints
from gatewise.runtime.encoder import PretrainedEncoder
from gatewise.runtime.tagger import Tagger
from gatewise.tasks.tag.calibrate import Figures, calibrated
from gatewise.tasks.tag.evaluation import Evaluation
from gatewise.tasks.tag.measure import evaluate
from gatewise.tasks.tag.prepare import Prepared, borders_of, prepare
from gatewise.tasks.tag.settings import TagSettings
from gatewise.training.checkpoint import Checkpoint
from gatewise.training.device import seeded
from gatewise.training.log import Event, tell_logger
from gatewise.training.loop import train
from gatewise.training.session import Report, Session, Stopped, opened, reserved, settle

DEV_SHARE, MOST_CHOSEN = 0.2, 15_000  # of the training tokens, and tokens, that dev sentences have that choose a pass


@dataclass(frozen=True, slots=True)
class TrainedTagger:
    """What train_tagger() gives: the model, its figures on the dev split and, if there is one, on the test part."""

    model: Tagger
    dev: Figures
    test: Evaluation | None
    stopped: bool


def train_tagger(
    dataset: TaggedDataset,
    out: Path | str,
    *,
    settings: TagSettings | None = None,
    storage: Storage = "float32",
    resume: bool = False,
    overwrite: bool = False,
    report: Report = tell_logger,
    stopped: Stopped = lambda: False,
) -> TrainedTagger:
    """Train on a data set, leave a model folder at `out`, and measure it on the test part if there is one.

    What is measured is the model as it is stored; its facts and its card tell the figures.

    While it runs, the folder `out`.training keeps what a resumed run needs. When `stopped` says so, the best model so
    far is saved and the run can still be resumed. Raises GatewiseError before anything is written or lost, and where
    another run is going on for `out`.
    """
    session, out = Session(report=report, stopped=stopped), Path(out)
    with reserved(out):
        settings = settle(out, settings, TagSettings(), resume=resume, overwrite=overwrite)
        encoder = encoder_for(settings)
        prepared = prepare(dataset, settings, encoder)
        with opened(session, out, settings, prepared.told(), resume=resume) as session:
            model, dev = fit(prepared, settings, session, encoder)
        tagger_folder.save_tagger(model, out, overwrite=overwrite or resume, storage=storage, extra=session.log())
        model = tagger_folder.load_tagger(out)
        if stopped():
            return TrainedTagger(model, dev, None, stopped=True)
        test = None
        if dataset.test and dataset.test.labelled:
            test = evaluate(model, dataset.test, training=dataset.train)
            model.facts["figures"]["test"] = test.figures()
            tagger_folder.update_tagger_card(model, out)
        session.finish()
        return TrainedTagger(model, dev, test, stopped=False)


def encoder_for(settings: TagSettings) -> PretrainedEncoder | None:
    """Load the encoder whose word vectors are taken, if any."""
    place = settings.training.pretrained
    return folder.load_encoder(place) if place else None


def fit(
    prepared: Prepared,
    settings: TagSettings,
    session: Session | None = None,
    encoder: PretrainedEncoder | None = None,
) -> tuple[Tagger, Figures]:
    """Train a network and calibrate it on the dev split; give the Tagger and its figures there."""
    session = session or Session()
    with seeded(settings.training):
        network = new_network(prepared, settings, encoder)
        event = train(
            network, prepared.train, chosen_by(prepared), settings.training, session,
            baseline=float(np.log(len(prepared.tags))), checkpoint=Checkpoint(fingerprint=prepared.fingerprint()),
        )  # fmt: skip
    model = Tagger(prepared.lexicon, arrays_of(network), prepared.tags, prepared.spans, words=prepared.rule)
    model, figures = calibrated(model, prepared.dev, prepared.missed)
    return dataclasses.replace(model, facts=facts_of(prepared, settings, encoder, event, figures)), figures


def chosen_by(prepared: Prepared) -> Sequences:
    """Give the dev sentences that choose a pass: not so many that looking at them takes as long as learning.

    The temperature and the figures are those of all.
    """
    train, dev = len(prepared.train.steps), len(prepared.dev.steps)
    most = max(MOST_CHOSEN, round(DEV_SHARE * train))
    if dev <= most:
        return prepared.dev
    rows = np.random.default_rng(0).permutation(len(prepared.dev))
    enough = int(np.searchsorted(np.cumsum(prepared.dev.lengths[rows]), most)) + 1
    return prepared.dev.select(np.sort(rows[:enough]))


def new_network(prepared: Prepared, settings: TagSettings, encoder: PretrainedEncoder | None) -> TagLSTM:
    """Build the network with its first weights."""
    torch.manual_seed(settings.training.seed)
    lexicon, known = prepared.lexicon, None
    if encoder and settings.tagging.recurrent:
        vectors = encoder.weights["embedding.weight"]
        known = torch.from_numpy(vectors / vectors.std())
    features = lexicon.features
    sizes = Sizes(len(prepared.singletons), len(features.hashes), features.own, lexicon.dense)
    rules = constraints(prepared.tags, spans=prepared.spans)
    borders = borders_of(prepared.tags) if prepared.spans else None
    network = TagLSTM(settings.network, settings.tagging, sizes, rules, borders, known)
    network.singletons = torch.from_numpy(prepared.singletons)
    return network


def facts_of(
    prepared: Prepared, settings: TagSettings, encoder: PretrainedEncoder | None, event: Event, figures: Figures
) -> dict[str, Any]:
    """Give what is known of a training whose last event this is: its data, its settings, its figures on dev."""
    facts = prepared.notes | {
        "trained_seconds": round(event.seconds, 1), "steps": event.step, "epochs": round(event.epoch, 3),
        "settings": settings.flat(), "figures": {"dev": figures.as_dict()},
    }  # fmt: skip
    if encoder:
        facts["encoder"] = {name: value for name, value in encoder.facts.items() if name != "settings"}
    return facts
