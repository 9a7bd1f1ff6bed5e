"""May anything leave? One pure function decides, and says who decided.

Any denial beats any permission; what cannot be understood means off. The rules stand in one table,
in the order in which they are asked; a rule with nothing to say passes on to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from otel_telemetry.environment import app_prefix

__all__ = ["Decision"]

_DENYING = frozenset({"off", "0", "false", "no", "disabled"})
_PERMITTING = frozenset({"on", "1", "true", "yes", "enabled"})
_NOT_TRACKING_FALSE = frozenset({"", "0", "false", "no", "off"})

# Variables that continuous integration systems set; most set CI as well.
_CI_VARIABLES = (
    "APPVEYOR",
    "BITBUCKET_COMMIT",
    "BITRISE_IO",
    "BUDDY_WORKSPACE_ID",
    "BUILDKITE",
    "CIRCLECI",
    "CIRRUS_CI",
    "CODEBUILD_BUILD_ARN",
    "DRONE",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "GO_PIPELINE_LABEL",
    "HUDSON_URL",
    "JENKINS_URL",
    "NETLIFY",
    "SEMAPHORE",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
    "bamboo_planKey",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether telemetry is on, and who decided.

    Attributes:
        enabled: Whether events may leave.
        source: What decided: a variable's name, ``"code"``, ``"ci"`` or ``"default"``.
        reason: The same as a sentence for the user.
        log: Whether events are printed to stderr instead of leaving.
    """

    enabled: bool
    source: str
    reason: str
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a decision may depend on.

    Attributes:
        app: The application's name.
        enabled: What its code says: True, False, or None for no opinion.
        environ: The environment.
    """

    app: str
    enabled: bool | None
    environ: Mapping[str, str]

    def switches(self) -> tuple[tuple[str, str], ...]:
        """Return the switches that are set, the application's own first: name and word."""
        names = dict.fromkeys((f"{app_prefix(self.app)}_TELEMETRY", "OTEL_TELEMETRY"))
        found = ((name, self.environ.get(name, "").strip().lower()) for name in names)
        return tuple((name, word) for name, word in found if word)


_Rule = Callable[[Inputs], "Decision | None"]


def _code_denies(inputs: Inputs) -> Decision | None:
    if inputs.enabled is False:
        return _off("code", "The application has turned telemetry off.")
    return None


def _sdk_disabled(inputs: Inputs) -> Decision | None:
    if inputs.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return _off("OTEL_SDK_DISABLED", "OTEL_SDK_DISABLED is true.")
    return None


def _do_not_track(inputs: Inputs) -> Decision | None:
    if inputs.environ.get("DO_NOT_TRACK", "").strip().lower() not in _NOT_TRACKING_FALSE:
        return _off("DO_NOT_TRACK", "DO_NOT_TRACK is set.")
    return None


def _switch_denies(inputs: Inputs) -> Decision | None:
    switches = inputs.switches()
    for name, word in switches:
        if word in _DENYING:
            return _off(name, f"{name} is {word}.")
        if word != "log" and word not in _PERMITTING:
            return _off(name, f"{name} is set to a word that is not known; that means off.")
    for name, word in switches:
        if word == "log":
            reason = f"{name} is log: events are printed to stderr, and none leaves."
            return Decision(enabled=False, source=name, reason=reason, log=True)
    return None


def _ci_denies(inputs: Inputs) -> Decision | None:
    if inputs.enabled is None and not inputs.switches() and is_ci(inputs.environ):
        return _off(
            "ci", "This is a continuous integration run, and nobody has turned telemetry on."
        )
    return None


def _switch_permits(inputs: Inputs) -> Decision | None:
    for name, word in inputs.switches():
        return Decision(enabled=True, source=name, reason=f"{name} is {word}.")
    return None


def _code_permits(inputs: Inputs) -> Decision | None:
    if inputs.enabled:
        return Decision(
            enabled=True, source="code", reason="The application has turned telemetry on."
        )
    return None


RULES: tuple[_Rule, ...] = (
    _code_denies,
    _sdk_disabled,
    _do_not_track,
    _switch_denies,
    _ci_denies,
    _switch_permits,
    _code_permits,
)


def decide(inputs: Inputs) -> Decision:
    """Return whether events may leave, by the first of `RULES` that has something to say."""
    for rule in RULES:
        decision = rule(inputs)
        if decision is not None:
            return decision
    return _off("default", "Nobody has turned telemetry on.")


def is_ci(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a continuous integration run."""
    if environ.get("CI", "").strip().lower() not in _NOT_TRACKING_FALSE:
        return True
    return any(environ.get(name, "").strip() for name in _CI_VARIABLES)


def _off(source: str, reason: str) -> Decision:
    return Decision(enabled=False, source=source, reason=reason)
