"""The one loop: batches to trained weights, told as events, within a budget, stopped and resumed at any step.

Knows a network only as a Learner. The order of batches is a function of (seed, epoch), and the checkpoint holds
everything else.
"""

import time

from gatewise.base.errors import TrainingError
from gatewise.base.ram import Hoard, give_back_memory
from gatewise.base.settings import TrainingConfig
from gatewise.runtime.batches import Rows, Sequences, collate, plan
from gatewise.training.checkpoint import Checkpoint
from gatewise.training.learner import Learner
from gatewise.training.log import Event
from gatewise.training.probing import choose_precision, choose_sharing
from gatewise.training.run import Run
from gatewise.training.schedule import epochs_for, learning_rate_at, patience_for
from gatewise.training.session import Session

LOG_STEPS = 10  # steps between two "step" events
FLAT = 0.98  # a loss above this share of guessing's, a quarter into the run, has not learnt


def train(
    network: Learner,
    train_set: Sequences,
    dev_set: Sequences,
    config: TrainingConfig,
    session: Session,
    *,
    baseline: float,
    checkpoint: Checkpoint | None = None,
) -> Event:
    """Train a network; afterwards it holds the averaged weights that scored best on the dev split. Give the last event.

    `baseline` is the loss of guessing. The session may end it before any step; of config.minutes those since the
    session's start are gone already. With a folder, checkpoint and metrics.jsonl are kept there. Raises TrainingError.
    """
    checkpoint = checkpoint or Checkpoint()
    run = Run(network, config, session)
    try:
        resumed = changed = checkpoint.restore(run)
        if resumed is None:
            changed = checkpoint.restore_choice(run)
            if changed is None:
                run.progress.precision = choose_precision(network, train_set, config)
                run.progress.sharing = choose_sharing(network, train_set, config, run.progress.precision)
                checkpoint.keep_choice(run)
            run.employ()
        if resumed is not None or changed:
            run.tell("resumed", changed=changed)
        _epochs(run, train_set, dev_set, baseline, checkpoint)
    finally:
        run.close()
        give_back_memory()
    network.eval().load_state_dict(run.best)
    last = {name: getattr(run.progress, name) for name in ("padding", "tokens", "precision", "sharing")}
    return run.tell("stopped" if session.stopped() else "end", best=run.progress.best_score, **last)


def _epochs(run: Run, train_set: Sequences, dev_set: Sequences, baseline: float, checkpoint: Checkpoint) -> None:
    """Pass over the training set until the score stays, the passes are done, the budget is spent or someone stops."""
    progress, stopped = run.progress, run.session.stopped
    epochs = epochs_for(run.config, len(order(train_set, run.config, 0)))
    patience, hoard = patience_for(run.config, epochs), Hoard()
    run.tell("start", epochs=epochs, texts=len(train_set), precision=progress.precision, sharing=progress.sharing)
    share = 0.0
    while progress.epoch < epochs and progress.epochs_without_gain < patience:
        batches = order(train_set, run.config, progress.epoch)
        progress.batches = len(batches)
        run.network.train()
        for rows in batches[progress.batch :]:
            share = run.share(epochs, len(dev_set.steps))
            if share >= 1 or stopped():
                break
            progress.share = share
            progress.began = min(share, progress.began) if progress.step else share  # falls when the speed is known
            run.update(collate(train_set, rows), learning_rate_at(share, run.config))
            _tell_steps(run, baseline)
            hoard.limit()
            if time.perf_counter() - run.saved >= run.config.checkpoint_seconds:
                checkpoint.save(run)
                give_back_memory()
        if not progress.step:
            why = "was stopped" if stopped() else "ran out of --minutes"
            raise TrainingError(f"Training {why} before its first step, so there is no model; give it more time.")
        ending = stopped() or share >= 1  # asked once: Ctrl-C while measuring ends the run after the next check
        if ending:
            checkpoint.save(run)  # before measuring: the resumed run must choose among the same measurements
        _tell_dev(run, dev_set)
        if ending:
            break
        progress.epoch, progress.batch = progress.epoch + 1, 0
        checkpoint.save(run)


def _tell_steps(run: Run, baseline: float) -> None:
    """Tell every few steps, or once a second, how it goes; and once that nothing is learnt."""
    progress = run.progress
    elapsed = time.perf_counter() - run.logged
    if progress.step % LOG_STEPS == 0 or progress.step == 1 or elapsed > 1:
        speed = (progress.tokens - run.logged_tokens) / max(elapsed, 1e-9)
        run.logged, run.logged_tokens = time.perf_counter(), progress.tokens
        run.tell(
            "step", share=round(progress.share, 5), done=round(progress.done, 5), loss=round(progress.recent_loss, 5),
            tokens_per_second=round(speed),
            learning_rate=learning_rate_at(progress.share, run.config), padding=round(progress.padding, 5),
        )  # fmt: skip
    flat = progress.recent_loss > FLAT * baseline
    if flat and not progress.warned and progress.share > 0.25 and progress.step >= 200:
        progress.warned = True
        message = (
            f"The loss is still {progress.recent_loss:.3f} after {progress.step} steps, and guessing gives "
            f"{baseline:.3f}: nothing is learnt; see that labels belong to their texts, or try another learning rate."
        )
        run.tell("warning", message=message)


def _tell_dev(run: Run, dev_set: Sequences) -> None:
    """Measure on the dev split and tell the score, and how it is called and shown."""
    score, loss = run.measure(dev_set)
    shown = run.network.figure(score)._asdict()
    run.tell("dev", score=score, loss=loss, best=run.progress.best_score, padding=run.progress.padding, **shown)


def order(train_set: Sequences, config: TrainingConfig, epoch: int) -> list[Rows]:
    """Give an epoch's batches as rows."""
    return plan(
        train_set.lengths,
        batch_tokens=config.batch_tokens,
        batch_texts=config.batch_texts,
        seed=config.seed,
        epoch=epoch,
    )
