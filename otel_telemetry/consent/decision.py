"""Whether telemetry is on: one pure function of all sources, and what decided.

One table holds the sources in their order. `decide` asks every source for a denial first, then
every source for a permission, and the first answer counts. So a denial wins over every permission.
What cannot be understood counts as off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otel_telemetry._internal.atomic_file import Unreadable
from otel_telemetry._internal.frozen import dataclass
from otel_telemetry.config.environment import variable_prefix
from otel_telemetry.consent.files import ConsentRecord, Policy

_DENYING = frozenset({"off", "0", "false", "no", "disabled"})
_PERMITTING = frozenset({"on", "1", "true", "yes", "enabled"})
_FALSE = frozenset({"", "0", "false", "no", "off"})

# Variables of continuous integration systems; most of these systems set CI, too.
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
    """Whether telemetry is on, and what decided it. Immutable.

    Attributes:
        enabled: True if events are sent.
        source: What decided: the name of an environment variable, ``"code"``, ``"policy"`` (a
            policy file of the machine), ``"choice"`` (the user's saved choice), ``"ci"``,
            ``"notice"`` (not shown yet) or ``"default"``.
        reason: The decision as a sentence for the user.
        log: True if events are printed to stderr and none is sent; then `enabled` is False.
    """

    enabled: bool
    source: str
    reason: str
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInputs:
    """Everything that a decision depends on.

    Attributes:
        app: The application's name.
        enabled: The setting `enabled`.
        environ: The environment.
        policy: The policy of the machine, if there is one.
        record: The user's saved choice, if there is one.
        consent_version: The setting `consent_version`; a permission for an earlier one has lapsed.
        is_notice_due: True if the notice has not been shown in an earlier run.
    """

    app: str
    enabled: bool | None
    environ: Mapping[str, str]
    policy: Policy | Unreadable | None = None
    record: ConsentRecord | Unreadable | None = None
    consent_version: int = 1
    is_notice_due: bool = False

    def switches(self) -> tuple[tuple[str, str], ...]:
        """Return name and word of each switch that is set, the application's own first."""
        names = (f"{variable_prefix(self.app)}_TELEMETRY", "OTEL_TELEMETRY")
        words = ((name, self.environ.get(name, "").strip().lower()) for name in names)
        return tuple((name, word) for name, word in words if word)


_Rule = Callable[[DecisionInputs], "Decision | None"]


def _code_denies(inputs: DecisionInputs) -> Decision | None:
    if inputs.enabled is False:
        return _off("code", "The application has turned telemetry off.")
    return None


def _sdk_disabled(inputs: DecisionInputs) -> Decision | None:
    if inputs.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return _off("OTEL_SDK_DISABLED", "OTEL_SDK_DISABLED is set to true.")
    return None


def _do_not_track(inputs: DecisionInputs) -> Decision | None:
    if inputs.environ.get("DO_NOT_TRACK", "").strip().lower() not in _FALSE:
        return _off("DO_NOT_TRACK", "DO_NOT_TRACK is set.")
    return None


def _switch_denies(inputs: DecisionInputs) -> Decision | None:
    switches = inputs.switches()
    for name, word in switches:
        if word in _DENYING:
            return _off(name, f"{name} is set to {word}.")
        if word != "log" and word not in _PERMITTING:
            return _off(name, f"{name} is set to an unknown word, which counts as off.")
    for name, word in switches:
        if word == "log":
            return _log(name, f"{name} is set to log")
    return None


def _policy_denies(inputs: DecisionInputs) -> Decision | None:
    policy = inputs.policy
    if isinstance(policy, Unreadable):
        return _off("policy", f"The policy in {policy.path} cannot be used: {policy.reason}.")
    if policy is not None and not policy.permits:
        reason = f": {policy.reason}" if policy.reason else ""
        return _off("policy", f"The policy in {policy.path} turns telemetry off{reason}.")
    return None


def _choice_denies(inputs: DecisionInputs) -> Decision | None:
    record = inputs.record
    if isinstance(record, Unreadable):
        return _off("choice", f"The choice in {record.path} cannot be used: {record.reason}.")
    if record is not None and record.mode == "off":
        return _off("choice", f"The {record.by} has turned telemetry off.")
    if record is not None and record.mode == "log":
        return _log("choice", f"The {record.by} has chosen log mode")
    return None


def _ci_denies(inputs: DecisionInputs) -> Decision | None:
    is_permitted = inputs.switches() or _policy_permits(inputs) or _choice_permits(inputs)
    if inputs.enabled is None and not is_permitted and is_ci(inputs.environ):
        return _off("ci", "Telemetry is off in continuous integration (CI) unless it is turned on.")
    return None


def _policy_permits(inputs: DecisionInputs) -> Decision | None:
    if isinstance(inputs.policy, Policy):  # not a denial, which comes first
        return _on("policy", f"The policy in {inputs.policy.path} turns telemetry on.")
    return None


def _choice_permits(inputs: DecisionInputs) -> Decision | None:
    record = inputs.record
    if isinstance(record, ConsentRecord) and record.version >= inputs.consent_version:
        return _on("choice", f"The {record.by} has turned telemetry on.")
    return None


def _switch_permits(inputs: DecisionInputs) -> Decision | None:
    for name, word in inputs.switches():
        return _on(name, f"{name} is set to {word}.")
    return None


def _code_permits(inputs: DecisionInputs) -> Decision | None:
    if not inputs.enabled:
        return None
    if inputs.is_notice_due:
        return _off("notice", "Telemetry is off until the run after the one that shows its notice.")
    return _on("code", "The application has turned telemetry on.")


DECISION_TABLE: tuple[tuple[str, _Rule | None, _Rule | None], ...] = (
    ("`enabled=False` in code", _code_denies, None),
    ("`OTEL_SDK_DISABLED=true`", _sdk_disabled, None),
    (
        "`DO_NOT_TRACK`, unless it is empty, 0, false, no or off",
        _do_not_track,
        None,
    ),
    (
        "`<APP>_TELEMETRY` or `OTEL_TELEMETRY`: off, 0, false, no, disabled, or an unknown word",
        _switch_denies,
        None,
    ),
    ("the policy file of the machine", _policy_denies, _policy_permits),
    ("the user's saved choice", _choice_denies, _choice_permits),
    ("continuous integration (CI), unless another row permits", _ci_denies, None),
    (
        "`<APP>_TELEMETRY` or `OTEL_TELEMETRY`: on, 1, true, yes, enabled",
        None,
        _switch_permits,
    ),
    ("`enabled=True` in code, after the run that shows a `notice`", None, _code_permits),
)
"""Each source in words, its denial and its permission."""

_ROWS_WITHOUT_FILES = 4  # the first rows, which read no file


def decide(inputs: DecisionInputs) -> Decision:
    """Return the first denial in `DECISION_TABLE`, else the first permission, else off."""
    for _, denial, _ in DECISION_TABLE:
        decision = denial(inputs) if denial else None
        if decision is not None:
            return decision
    for _, _, permission in DECISION_TABLE:
        decision = permission(inputs) if permission else None
        if decision is not None:
            return decision
    return _off("default", "Telemetry has not been turned on.")


def is_denied_without_files(inputs: DecisionInputs) -> bool:
    """Tell whether a source denies that comes before all files, which then need not be read."""
    return any(denial(inputs) for _, denial, _ in DECISION_TABLE[:_ROWS_WITHOUT_FILES] if denial)


def is_ci(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a continuous integration run."""
    if environ.get("CI", "").strip().lower() not in _FALSE:
        return True
    return any(environ.get(name, "").strip() for name in _CI_VARIABLES)


def _on(source: str, reason: str) -> Decision:
    return Decision(enabled=True, source=source, reason=reason)


def _off(source: str, reason: str) -> Decision:
    return Decision(enabled=False, source=source, reason=reason)


def _log(source: str, reason: str) -> Decision:
    text = f"{reason}: events are printed to stderr, and none is sent."
    return Decision(enabled=False, source=source, reason=text, log=True)
