"""May anything leave? One pure function decides, and says who decided.

Any denial beats any permission; what cannot be understood means off. The sources stand in one
table, in the order in which they are asked: first all for a denial, then all for a permission. One
that has nothing to say passes on to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config.environment import app_prefix
from otel_telemetry.consent.files import ConsentRecord, Policy

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
    "CI_NAME",
    "CIRCLECI",
    "CIRRUS_CI",
    "CODEBUILD_BUILD_ARN",
    "CONTINUOUS_INTEGRATION",
    "DRONE",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "GO_PIPELINE_LABEL",
    "HUDSON_URL",
    "JENKINS_URL",
    "NETLIFY",
    "NOW_BUILDER",
    "SAILCI",
    "SEMAPHORE",
    "SHIPPABLE",
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
    "TDDIUM",
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
        source: What decided: a variable's name, ``"code"``, ``"policy"``, ``"choice"``, ``"ci"``,
            ``"notice"`` or ``"default"``.
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
        policy: What holds for the whole machine, if anything does.
        choice: What the user chose, if they did.
        consent_version: What a permission must have been given for; an older one has lapsed.
        is_notice_due: Whether the code's own permission waits for the user to see a notice.
    """

    app: str
    enabled: bool | None
    environ: Mapping[str, str]
    policy: Policy | Unreadable | None = None
    choice: ConsentRecord | Unreadable | None = None
    consent_version: int = 1
    is_notice_due: bool = False

    def switches(self) -> tuple[tuple[str, str], ...]:
        """Return the variables that say something, the application's own first, and their words."""
        names = (f"{app_prefix(self.app)}_TELEMETRY", "OTEL_TELEMETRY")
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
            return _log(name, f"{name} is log")
    return None


def _policy_denies(inputs: Inputs) -> Decision | None:
    policy = inputs.policy
    if isinstance(policy, Unreadable):
        return _off("policy", f"The policy in {policy.path} cannot be used: {policy.reason}.")
    if policy is not None and not policy.permits:
        own_words = f": {policy.reason}" if policy.reason else ""
        return _off("policy", f"A policy for this machine, {policy.path}, says off{own_words}.")
    return None


def _choice_denies(inputs: Inputs) -> Decision | None:
    choice = inputs.choice
    if isinstance(choice, Unreadable):
        return _off("choice", f"The choice in {choice.path} cannot be used: {choice.reason}.")
    if choice is not None and choice.mode == "off":
        return _off("choice", f"The {choice.by} has turned telemetry off.")
    if choice is not None and choice.mode == "log":
        return _log("choice", f"The {choice.by} has chosen log")
    return None


def _ci_denies(inputs: Inputs) -> Decision | None:
    said = inputs.switches() or _policy_permits(inputs) or _choice_permits(inputs)
    if inputs.enabled is None and not said and is_ci(inputs.environ):
        return _off(
            "ci", "This is a continuous integration run, and nobody has turned telemetry on."
        )
    return None


def _policy_permits(inputs: Inputs) -> Decision | None:
    if isinstance(inputs.policy, Policy):  # no denial: those came first
        return _on("policy", f"A policy for this machine, {inputs.policy.path}, says on.")
    return None


def _choice_permits(inputs: Inputs) -> Decision | None:
    choice = inputs.choice
    if isinstance(choice, ConsentRecord) and choice.version >= inputs.consent_version:
        return _on("choice", f"The {choice.by} has turned telemetry on.")
    return None


def _switch_permits(inputs: Inputs) -> Decision | None:
    for name, word in inputs.switches():
        return _on(name, f"{name} is {word}.")
    return None


def _code_permits(inputs: Inputs) -> Decision | None:
    if not inputs.enabled:
        return None
    if inputs.is_notice_due:
        return _off("notice", "The notice of what is collected was not seen in an earlier run.")
    return _on("code", "The application has turned telemetry on.")


TABLE: tuple[tuple[str, _Rule | None, _Rule | None], ...] = (
    ("`enabled=False` in code", _code_denies, None),
    ("`OTEL_SDK_DISABLED=true`", _sdk_disabled, None),
    (
        "`DO_NOT_TRACK`, set to anything but an empty word, 0, false, no, off",
        _do_not_track,
        None,
    ),
    (
        "`<APP>_TELEMETRY` or `OTEL_TELEMETRY`: off, 0, false, no, disabled, or an unknown word",
        _switch_denies,
        None,
    ),
    ("a policy file of the machine", _policy_denies, _policy_permits),
    ("the user's saved choice", _choice_denies, _choice_permits),
    ("continuous integration, unless somebody has said something", _ci_denies, None),
    (
        "`<APP>_TELEMETRY` or `OTEL_TELEMETRY`: on, 1, true, yes, enabled",
        None,
        _switch_permits,
    ),
    ("`enabled=True` in code, once a notice that is due was seen", None, _code_permits),
)
"""Each source in words, its denial and its permission."""

_WITHOUT_FILES = 4  # rows whose denial no file can change


def decide(inputs: Inputs) -> Decision:
    """Return whether events may leave, by the first in `TABLE` that has something to say."""
    for _, denial, _ in TABLE:
        decision = denial(inputs) if denial else None
        if decision is not None:
            return decision
    for _, _, permission in TABLE:
        decision = permission(inputs) if permission else None
        if decision is not None:
            return decision
    return _off("default", "Nobody has turned telemetry on.")


def denied_outright(inputs: Inputs) -> bool:
    """Tell whether policy and choice need not be read: what comes before them denies already."""
    return any(denial(inputs) for _, denial, _ in TABLE[:_WITHOUT_FILES] if denial)


def is_ci(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a continuous integration run."""
    if environ.get("CI", "").strip().lower() not in _NOT_TRACKING_FALSE:
        return True
    return any(environ.get(name, "").strip() for name in _CI_VARIABLES)


def _on(source: str, reason: str) -> Decision:
    return Decision(enabled=True, source=source, reason=reason)


def _off(source: str, reason: str) -> Decision:
    return Decision(enabled=False, source=source, reason=reason)


def _log(source: str, reason: str) -> Decision:
    text = f"{reason}: events are printed to stderr, and none leaves."
    return Decision(enabled=False, source=source, reason=text, log=True)
