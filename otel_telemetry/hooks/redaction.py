"""Redaction: hooks that replace secrets and personal data in every text of an event."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from otel_telemetry._internal.scalars import FIXED_SIZE_SCALARS, SCALARS
from otel_telemetry.errors import ConfigurationError
from otel_telemetry.events import FrozenProperties
from otel_telemetry.hooks._patterns import (
    SECRET_MARKER,
    is_sensitive_key,
    without_emails,
    without_homes,
    without_secrets,
    without_url_queries,
)

TYPE_CHECKING = False  # as in otel_telemetry/__init__.py
if TYPE_CHECKING:
    from otel_telemetry.events import BeforeSend, Event
    from otel_telemetry.types import AttributeValue

    _Bucket = Mapping[str, AttributeValue]


_MAX_NAME_LENGTH = 256
_MAX_CACHED_LENGTH = 64
_MAX_CACHE_SIZE = 4096
# An earlier hook may have made a circular value. A walk to the end of the stack would make
# finalizers that run there fail, and the interpreter prints their errors.
_MAX_DEPTH = 100
_ELLIPSIS = "…"


class _UnsupportedValue(Exception):  # noqa: N818 - a signal within this file, never an error
    """An earlier hook returned a value that is not a legal attribute value."""


class Redaction:
    """A hook for `before_send` that rewrites texts; construct it with `redact`. Thread-safe.

    Args:
        rules: Functions from a text to the text that replaces it.
        sensitive_keys: Whether to replace the values of keys that name a secret.
        length: The greatest length of a str in characters and of a bytes value in bytes. None: no
            limit.
    """

    __slots__ = (
        "_length",
        "_rules",
        "_sensitive_keys",
        "_unchanged_buckets",
        "_unchanged_keys",
        "_unchanged_names",
        "_unchanged_texts",
    )

    def __init__(
        self,
        *rules: Callable[[str], str],
        sensitive_keys: bool = False,
        length: int | None = None,
    ) -> None:
        self._rules = rules
        self._sensitive_keys = sensitive_keys
        self._length = length
        # Short texts that no rule changes: most texts recur, and are matched once.
        self._unchanged_texts: set[str] = set()
        # Separate, because "password" is sensitive as a key and not as an event name.
        self._unchanged_keys: set[str] = set()
        self._unchanged_names: set[str] = set()
        # User and group properties recur as the same read-only objects. The values keep the
        # objects alive, so that an id stays theirs.
        self._unchanged_buckets: dict[int, Mapping[str, AttributeValue]] = {}

    def merge(self, other: Redaction | Callable[[str], str]) -> Redaction:
        """Return a hook that applies these rules, then those of *other*."""
        if not isinstance(other, Redaction):
            other = Redaction(other)
        lengths = [item for item in (self._length, other._length) if item is not None]
        return Redaction(
            *self._rules,
            *other._rules,
            sensitive_keys=self._sensitive_keys or other._sensitive_keys,
            length=min(lengths, default=None),
        )

    def __call__(self, event: Event) -> Event:
        """Return *event* with its texts redacted; the same object if nothing changed."""
        name = event.name if event.name in self._unchanged_names else self._redact_name(event.name)
        own, user, group = event.event_properties, event.user_properties, event.group_properties
        unchanged_buckets = self._unchanged_buckets
        new_own = self._redact_bucket(own)
        new_user = (
            user if unchanged_buckets.get(id(user)) is user else self._redact_recurring_bucket(user)
        )
        new_group = (
            group
            if unchanged_buckets.get(id(group)) is group
            else self._redact_recurring_bucket(group)
        )
        if new_own is own and new_user is user and new_group is group and name is event.name:
            return event
        return replace(
            event,
            name=name,
            event_properties=new_own,
            user_properties=new_user,
            group_properties=new_group,
        )

    def _redact_recurring_bucket(
        self, bucket: Mapping[str, AttributeValue]
    ) -> Mapping[str, AttributeValue]:
        new = self._redact_bucket(bucket)
        if new is bucket and type(bucket) is FrozenProperties and _is_flat(bucket):
            if len(self._unchanged_buckets) >= _MAX_CACHE_SIZE:
                self._unchanged_buckets.clear()
            self._unchanged_buckets[id(bucket)] = bucket
        return new

    def _redact_name(self, name: str) -> str:
        changed = self._apply_rules(name)
        if changed is name:
            _cache(self._unchanged_names, name)
            return name
        return changed[:_MAX_NAME_LENGTH]

    def _redact_bucket(self, bucket: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
        texts, keys = self._unchanged_texts, self._unchanged_keys
        for key, value in bucket.items():
            value_type = type(value)
            if key not in keys or (
                (value not in texts)
                if value_type is str
                else (value_type not in FIXED_SIZE_SCALARS)
            ):
                return self._walk_bucket(bucket)
        return bucket

    def _walk_bucket(self, bucket: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
        original = bucket if type(bucket) is dict else dict(bucket)
        try:
            redacted = self._redact_map(original, 1)
        except _UnsupportedValue:
            # It is made legal after the hooks, and may become text only then.
            from otel_telemetry.mapping.attributes import Cleaner, Limits  # noqa: PLC0415 - rare

            return self._redact_map(Cleaner(Limits(count=None)).clean(bucket)[0], 1)
        return bucket if redacted is original else redacted

    def _redact_map(
        self, original: dict[str, AttributeValue], depth: int
    ) -> dict[str, AttributeValue]:
        redacted: dict[str, AttributeValue] = {}
        is_changed = False
        for key, value in original.items():
            if key in self._unchanged_keys:
                new_key, new_value = key, self._redact_value(value, depth)
            else:
                new_key, new_value = self._redact_item(key, value, depth)
            # Redaction may have made two keys equal.
            unique_key, number = new_key, len(redacted)
            while unique_key in redacted:
                unique_key = f"{new_key} {number}"
                number += 1
            redacted[unique_key] = new_value
            is_changed = is_changed or unique_key is not key or new_value is not value
        return redacted if is_changed else original

    def _redact_item(
        self, key: str, value: AttributeValue, depth: int
    ) -> tuple[str, AttributeValue]:
        if type(key) is not str:
            raise _UnsupportedValue
        if self._sensitive_keys and is_sensitive_key(key):
            return self._apply_rules(key), _mask(value)
        changed = self._apply_rules(key)
        if changed is key:
            _cache(self._unchanged_keys, key)
        return changed, self._redact_value(value, depth)

    def _redact_value(self, value: AttributeValue, depth: int) -> AttributeValue:
        value_type = type(value)
        if value_type is str:
            return self._redact_text(value)  # type: ignore[arg-type]  # checked by type()
        if value_type in FIXED_SIZE_SCALARS:
            return value
        if depth > _MAX_DEPTH:
            raise RecursionError
        if value_type is dict:
            return self._redact_map(value, depth + 1)  # type: ignore[arg-type]  # checked by type()
        if value_type is list:
            return self._redact_list(value, depth + 1)  # type: ignore[arg-type]  # checked by type()
        if value_type is bytes:
            return self._redact_bytes(value)  # type: ignore[arg-type]  # checked by type()
        raise _UnsupportedValue

    def _redact_text(self, text: str) -> str:
        if text in self._unchanged_texts:
            return text
        changed = self._apply_rules(text)
        if self._length is not None and len(changed) > self._length:
            return changed[: self._length - 1] + _ELLIPSIS
        if changed is text:
            _cache(self._unchanged_texts, text)
        return changed

    def _apply_rules(self, text: str) -> str:
        changed = text
        for rule in self._rules:
            changed = rule(changed)
        return text if changed == text else changed

    def _redact_list(self, original: list[AttributeValue], depth: int) -> list[AttributeValue]:
        redacted = [self._redact_value(value, depth) for value in original]
        if self._sensitive_keys:
            # In the arguments of a command, an option stands before its value.
            for number, word in enumerate(original[:-1], 1):
                if type(word) is str and word.startswith("-") and "=" not in word:
                    redacted[number] = (
                        _mask(redacted[number]) if is_sensitive_key(word) else redacted[number]
                    )
        is_changed = any(new is not old for new, old in zip(redacted, original, strict=True))
        return redacted if is_changed else original

    def _redact_bytes(self, data: bytes) -> bytes:
        try:
            encoding, text = "utf-8", data.decode()
        except UnicodeDecodeError:
            encoding, text = "latin-1", data.decode("latin-1")
        changed = self._apply_rules(text)
        if changed is not text:
            data = changed.encode(encoding, "replace")
        return data if self._length is None or len(data) <= self._length else data[: self._length]


def _is_flat(bucket: FrozenProperties) -> bool:
    # Lists and maps within a bucket can change.
    return SCALARS.issuperset(map(type, bucket.values()))


def _mask(value: AttributeValue) -> AttributeValue:
    # Whether a secret is set is not a secret.
    if (
        value is None
        or type(value) is bool
        or (type(value) is str and value in {"", SECRET_MARKER})
    ):
        return value
    return SECRET_MARKER


def _cache(texts: set[str], text: str) -> None:
    if len(text) <= _MAX_CACHED_LENGTH:
        if len(texts) >= _MAX_CACHE_SIZE:
            texts.clear()
        texts.add(text)


# The shipped hooks.

redact_secrets = Redaction(without_secrets, sensitive_keys=True)
"""Replaces secrets by ``[redacted:secret]``.

By key: the value of a key with one of these words: ``password``, ``passphrase``, ``secret``,
``token``, ``credential``, ``authorization``, ``cookie``, ``jwt``, ``api key``, ``access key``,
``private key``, ``license key`` and similar ones, in any spelling (``x-api-key``, ``dbPassword``).
True, False and None stay. A key stays where another word shows that the value only describes a
secret (``token_count``, ``cookie_consent``, ``has_password``), or where tokens are those of a
language model (``tokens``, ``input_token``, ``time_to_first_token``). The same keys are found in
text (``password=…``, ``"token": "…"``, ``<password>…</password>``, ``Authorization: …`` to the end
of the line) and in the arguments of a command (``--password …``, ``-Password …``). In text, a value
without quotes ends at a blank or ``&``, and a value that is only a status stays (``password:
required``).

By pattern: private keys in PEM, JSON Web Tokens, user and password in a URL, bearer and basic
credentials, the keys and tokens of about eighty services (AWS, Google, Microsoft, GitHub, GitLab,
Slack, Stripe, OpenAI, Anthropic, Hugging Face, New Relic, Sentry, npm, PyPI, …), the webhook URLs
of Slack, Discord and Teams, and 32 or more characters that mix upper case, lower case and digits
as random text does. Of random keys, 99 in 100 are found; public keys and content addresses look the
same and are replaced too.

Not found: a password in prose; a hexadecimal key without a sensitive key, because hashes and ids
look the same; encoded or encrypted secrets; pairs such as ``{"name": "password", "value": …}``.
"""

redact_emails = Redaction(without_emails)
"""Replaces e-mail addresses by ``[redacted:email]``.

Found: addresses in every script, internationalised domains in both forms, quoted local parts,
domains that are IP addresses, and ``%40`` for the ``@``. Text that is joined to an address without
a blank, quote, bracket, comma, colon, ``/``, ``=``, ``?`` or ``&`` is replaced with it.

Not found: an address without a dot in its domain (``root@localhost``), and one that is spelled out
("bob at example dot com"). Use it after `redact_secrets`, or combine both with `redact`: the
password in a URL looks like the beginning of an address.
"""

hide_home = Redaction(without_homes(os.path.expanduser("~")))
"""Replaces home directories by ``~``: that of the current user, and those of other users.

Found: ``/home/bob``, ``/Users/bob``, ``/root``, also below a mount point such as ``/var`` or
``/mnt``; ``~bob/``; ``C:\\Users\\bob`` and ``C:\\Documents and Settings\\bob`` with slashes of both
kinds, single or escaped, in any case, and on a share; all of them in ``file://`` URLs, in lists of
paths and after the options of compilers. The home of the current user is found at any path.

Not found: the user's name elsewhere; a path with percent-encoded slashes; unusual homes of other
users. ``/home/news`` is replaced even where it is a route of a web server; within an ``https://``
URL it stays.
"""

strip_url_queries = Redaction(without_url_queries)
"""Removes user and password, query and fragment from URLs. It leaves no marker, so that a URL stays
valid.

Found: in every text with ``://``, up to a blank, ``"``, ``<`` or ``>``; and references such as
``/search?q=…`` or ``www.example.com/?q=…`` at the beginning of a word.

Not found: personal data in the name of a host or in a path, and URLs of other forms (``mailto:``).
"""


def truncate(characters: int) -> Redaction:
    """Return a hook that shortens long values at every level. Keys and event names stay.

    Use it last, or combine it with `redact`: half a secret is not recognised.

    Args:
        characters: The greatest length of a str, whose last character becomes ``…``, and of a bytes
            value in bytes.

    Raises:
        ConfigurationError: *characters* is not an int of 1 or more.
    """
    if type(characters) is not int or characters < 1:
        raise ConfigurationError("truncate needs a number of characters: an int of 1 or more")
    return Redaction(length=characters)


_RULE_ORDER = (redact_secrets, strip_url_queries, redact_emails, hide_home)


def redact(*rules: Redaction | Callable[[str], str]) -> Redaction:
    """Return a hook that applies several rules in one walk over the event.

    Args:
        rules: The redactions of this module, in any order: `redact_secrets` is applied first, then
            `strip_url_queries`, `redact_emails`, `hide_home`, and `truncate` last. Not
            `allow_only`. Also functions of your own from str to str, which are applied before
            `truncate` to event names, keys and values. Results are cached, so they must depend on
            the text alone. Give replaced text a marker of its own, such as
            ``[redacted:customer]``.

    Raises:
        ConfigurationError: There is no rule, or a rule does not return a str for a str.
    """
    if not rules:
        raise ConfigurationError("redact needs at least one rule, such as redact_secrets")
    ordered: list[Redaction | Callable[[str], str]] = []
    ordered += [rule for rule in _RULE_ORDER if rule in rules]
    ordered += [rule for rule in rules if rule not in ordered]
    result = Redaction()
    for rule in ordered:
        if not isinstance(rule, Redaction):
            _check_rule(rule)
        result = result.merge(rule)
    return result


def _check_rule(rule: Callable[[str], str]) -> None:
    """Reject a hook for events passed as a rule for texts: it would fail for every event."""
    try:
        returned: object = rule("")
    except Exception:
        returned = None
    if not isinstance(returned, str):
        raise ConfigurationError(
            "redact takes redactions and functions from str to str; allow_only is a separate hook"
        )


def allow_only(
    *keys: str, event: Iterable[str] = (), user: Iterable[str] = (), group: Iterable[str] = ()
) -> BeforeSend:
    """Return a hook that removes all properties except the named ones.

    The value of an allowed property and the name of the event stay as they are.

    Args:
        keys: Keys allowed in every bucket. A key that ends in ``.*`` allows every key with that
            prefix: ``"http.*"`` allows ``http.route``.
        event: More keys allowed in the event properties.
        user: More keys allowed in the user properties.
        group: More keys allowed in the group properties.

    Raises:
        ConfigurationError: A key is empty or not a str, or a str is passed for a list of keys.
    """
    everywhere = _check_keys("keys", keys)
    filter_event, filter_user, filter_group = (
        _bucket_filter((*everywhere, *_check_keys(name, more)))
        for name, more in (("event", event), ("user", user), ("group", group))
    )

    def hook(event: Event) -> Event:
        event_properties = filter_event(event.event_properties)
        user_properties = filter_user(event.user_properties)
        group_properties = filter_group(event.group_properties)
        if (
            event_properties is event.event_properties
            and user_properties is event.user_properties
            and group_properties is event.group_properties
        ):
            return event
        return replace(
            event,
            event_properties=event_properties,
            user_properties=user_properties,
            group_properties=group_properties,
        )

    return hook


def _bucket_filter(keys: Iterable[str]) -> Callable[[_Bucket], _Bucket]:
    exact = frozenset(keys)
    prefixes = tuple(key[:-1] for key in exact if key.endswith(".*"))

    def filter_bucket(bucket: _Bucket) -> _Bucket:
        if exact.issuperset(bucket):
            return bucket
        remaining = {
            key: value
            for key, value in bucket.items()
            if key in exact or (type(key) is str and key.startswith(prefixes))
        }
        return bucket if len(remaining) == len(bucket) else remaining

    return filter_bucket


def _check_keys(name: str, keys: Iterable[str]) -> tuple[str, ...]:
    items: tuple[object, ...] = (None,) if isinstance(keys, str) else tuple(keys)
    names = tuple(key for key in items if isinstance(key, str) and key)
    if len(names) < len(items):
        raise ConfigurationError(
            f"allow_only: {name} must be a list of property names, such as ['plan', 'locales']"
        )
    return names
