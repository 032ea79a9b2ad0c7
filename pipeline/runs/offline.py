"""Runs that need no network: they load what is landed, load it again, or retry the quarantine."""

from __future__ import annotations

from pipeline.config import Settings
from pipeline.load.chunk_queue import ChunkQueue
from pipeline.runs.quarantine import retry_quarantine
from pipeline.runs.run import Observer, Run
from pipeline.runs.run_report import RunReport

_SILENT = Observer()


def load_landed(settings: Settings, observer: Observer = _SILENT) -> RunReport:
    """Load the landed chunks that wait, as a run of its own; raises as `Run.carry_out` does."""
    run = Run(settings, "load", observer)

    def load(_: None) -> None:
        run.queue.close()
        run.load_waiting()

    return run.carry_out(run.begin, load)


def replay_landed(settings: Settings, observer: Observer = _SILENT) -> RunReport:
    """Load all landed payloads again, as a run of its own; an older one replaces no newer one."""
    run = Run(settings, "replay", observer)

    def replay(_: None) -> None:
        run.queue = ChunkQueue(run.landing.find_manifests().values(), is_closed=True)
        run.load_waiting(replay=True)

    return run.carry_out(run.begin, replay)


def replay_quarantine(settings: Settings, observer: Observer = _SILENT) -> RunReport:
    """Try the quarantined payloads again and load those that pass, as a run of its own."""
    run = Run(settings, "replay", observer)

    def retry(_: None) -> None:
        chunks, passed, failed = retry_quarantine(
            run.warehouse, run.landing, run.report.run_id, settings.chunk_size, observer.say
        )
        observer.say(f"{passed:,} quarantined calls pass now, {failed:,} are still rejected")
        for chunk in chunks:
            run.queue.put(chunk)
        run.queue.close()
        run.load_waiting()

    return run.carry_out(run.begin, retry)
