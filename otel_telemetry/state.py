"""The state of a `Telemetry` instance, from its registration to its end."""

from __future__ import annotations

import os

from otel_telemetry._internal import fork, paths
from otel_telemetry.stats import Counters

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.config.config import TelemetryConfig
    from otel_telemetry.consent.consent import ConsentManager
    from otel_telemetry.consent.decision import Decision
    from otel_telemetry.pipeline.pipeline import AnyPipeline


class TelemetryState:
    """What an instance decides, counts and sets up. `Telemetry` guards every change by its lock.

    Args:
        config: The settings.
        consent_manager: Reads and saves the consent.

    Attributes:
        counters: The counts of events.
        decision: Whether telemetry is on; None before registration.
        off: True if nothing is sent and nothing is printed.
        pipeline: The pipeline; None before `bootstrap` and after a refusal.
        destroyed: True from the call of `destroy` on.
        failed: True if the pipeline cannot be set up; it is not tried again.
    """

    __slots__ = (
        "config",
        "consent_manager",
        "counters",
        "decision",
        "destroyed",
        "failed",
        "off",
        "pipeline",
    )

    def __init__(self, config: TelemetryConfig, consent_manager: ConsentManager) -> None:
        self.config = config
        self.consent_manager = consent_manager
        self.counters = Counters()
        self.decision: Decision | None = None
        self.off = False
        self.pipeline: AnyPipeline | None = None
        self.destroyed = False
        self.failed = False

    def decide(self) -> Decision:
        """Decide anew whether telemetry is on."""
        decision = self.decision = self.consent_manager.decide()
        self.off = not (decision.enabled or decision.log)
        return decision

    def make_pipeline(self, is_granted: Callable[[], bool]) -> AnyPipeline:
        """Return a new pipeline, which asks *is_granted* before it sends.

        May import OpenTelemetry.
        """
        with fork.import_lock:
            from otel_telemetry.pipeline.pipeline import create_pipeline  # noqa: PLC0415 - slow

        if self.decision is not None and self.decision.log:
            return create_pipeline(self.config, self.counters)
        from otel_telemetry.export.consent_gate import ConsentGate  # noqa: PLC0415 - as above

        consent_gate = ConsentGate(
            granted_at=self.consent_manager.granted_at(), is_granted=is_granted
        )
        identity = self.consent_manager.identity(save=True)  # made now, after permission
        return create_pipeline(self.config, self.counters, consent_gate, identity.installation_id)

    def complete_refusal(self) -> None:
        """Delete what is left on disk although the user has refused.

        The refusal may come from a program that does not know this spool directory, or a process
        was killed before it noticed the refusal. Mostly this costs one look for a directory.
        """
        if not self.off:
            return
        directory = paths.spool_root(
            self.config.spool, self.config.name, self.consent_manager.state
        )
        if directory is not None and os.path.isdir(directory) and self.consent_manager.is_refused():
            self.delete_data()

    def delete_data(self) -> None:
        """Delete the spooled events and the identity."""
        self.purge()
        self.consent_manager.delete_identity()

    def purge(self) -> None:
        """Delete every event on disk, whichever process recorded it."""
        from otel_telemetry.spool import admin  # noqa: PLC0415 - only a refusal needs it

        admin.erase(self.config, self.config.name)

    def after_fork(self) -> None:
        """Begin at zero in a forked child."""
        (self.pipeline or self.counters).after_fork()
