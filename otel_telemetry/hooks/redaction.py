"""One walk over an event, and what rules leave of each text in it."""

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

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.events import BeforeSend, Event
    from otel_telemetry.types import AttributeValue

    _Bucket = Mapping[str, AttributeValue]


_MAX_NAME_LENGTH = 256
_MAX_CACHED_LENGTH = 64
_MAX_CACHE_SIZE = 4096
# Levels: a hook before this one may have made a circle. Not to the end of the stack, where whatever
# finalizer the interpreter happens to run fails as well, and is printed.
_MAX_DEPTH = 100
_ELLIPSIS = "…"


class _UnsupportedValue(Exception):  # noqa: N818 - a signal within this file, never an error
    """A hook before this one has left a value that is not legal."""


class Redaction:
    """A hook for `before_send`, made of rules; `redact` makes one. Thread-safe.

    Args:
        rules: Each makes of a text what may leave of it.
        telling_keys: Replace values by their keys' names.
        length: Characters kept of a str, bytes of a bytes value.
    """

    __slots__ = (
        "_known",
        "_known_buckets",
        "_known_keys",
        "_known_names",
        "_length",
        "_rules",
        "_telling_keys",
    )

    def __init__(
        self,
        *rules: Callable[[str], str],
        telling_keys: bool = False,
        length: int | None = None,
    ) -> None:
        self._rules = rules
        self._telling_keys = telling_keys
        self._length = length
        # Short texts that may leave as they are: most texts recur, and are looked at once.
        self._known: set[str] = set()
        # Apart: "password" may be the name of an event, and is telling as a key.
        self._known_keys: set[str] = set()
        self._known_names: set[str] = set()
        # Users and groups recur as the very same objects, which nobody can change. By `id`, which
        # is theirs as long as they are here.
        self._known_buckets: dict[int, Mapping[str, AttributeValue]] = {}

    def joined(self, other: Redaction | Callable[[str], str]) -> Redaction:
        """Return a hook that follows these rules, then those of *other*."""
        if not isinstance(other, Redaction):
            other = Redaction(other)
        lengths = [item for item in (self._length, other._length) if item is not None]
        return Redaction(
            *self._rules,
            *other._rules,
            telling_keys=self._telling_keys or other._telling_keys,
            length=min(lengths, default=None),
        )

    def __call__(self, event: Event) -> Event:
        """Return *event*, or what may leave of it."""
        name = event.name if event.name in self._known_names else self._name(event.name)
        one, user, group = event.event_properties, event.user_properties, event.group_properties
        known_buckets = self._known_buckets
        new_one = self._bucket(one)
        new_user = user if known_buckets.get(id(user)) is user else self._recurring(user)
        new_group = group if known_buckets.get(id(group)) is group else self._recurring(group)
        if new_one is one and new_user is user and new_group is group and name is event.name:
            return event
        return replace(
            event,
            name=name,
            event_properties=new_one,
            user_properties=new_user,
            group_properties=new_group,
        )

    def _recurring(self, bucket: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
        new = self._bucket(bucket)
        if new is bucket and type(bucket) is FrozenProperties and _is_flat(bucket):
            if len(self._known_buckets) >= _MAX_CACHE_SIZE:
                self._known_buckets.clear()
            self._known_buckets[id(bucket)] = bucket
        return new

    def _name(self, name: str) -> str:
        changed = self._text(name)
        if changed is name:
            _cache(self._known_names, name)
            return name
        return changed[:_MAX_NAME_LENGTH]

    def _bucket(self, bucket: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
        known, known_keys = self._known, self._known_keys
        for key, value in bucket.items():
            kind = type(value)
            if key not in known_keys or (
                (value not in known) if kind is str else (kind not in FIXED_SIZE_SCALARS)
            ):
                return self._looked_through(bucket)
        return bucket

    def _looked_through(self, bucket: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
        given = bucket if type(bucket) is dict else dict(bucket)
        try:
            made = self._map(given, 1)
        except _UnsupportedValue:
            # It would be made legal after the hooks, and might be a text only then.
            from otel_telemetry.mapping.attributes import Cleaner, Limits  # noqa: PLC0415 - rare

            return self._map(Cleaner(Limits(count=None)).clean(bucket).attributes, 1)
        return bucket if made is given else made

    def _map(self, given: dict[str, AttributeValue], depth: int) -> dict[str, AttributeValue]:
        made: dict[str, AttributeValue] = {}
        is_changed = False
        for key, value in given.items():
            if key in self._known_keys:
                new_key, new_value = key, self._value(value, depth)
            else:
                new_key, new_value = self._item(key, value, depth)
            # Two keys may have become one.
            free, number = new_key, len(made)
            while free in made:
                free = f"{new_key} {number}"
                number += 1
            made[free] = new_value
            is_changed = is_changed or free is not key or new_value is not value
        return made if is_changed else given

    def _item(self, key: str, value: AttributeValue, depth: int) -> tuple[str, AttributeValue]:
        if type(key) is not str:
            raise _UnsupportedValue
        if self._telling_keys and is_sensitive_key(key):
            return self._text(key), _redact_value(value)
        changed = self._text(key)
        if changed is key:
            _cache(self._known_keys, key)
        return changed, self._value(value, depth)

    def _value(self, value: AttributeValue, depth: int) -> AttributeValue:
        kind = type(value)
        if kind is str:
            return self._cut(value)  # type: ignore[arg-type]  # just asked
        if kind in FIXED_SIZE_SCALARS:
            return value
        if depth > _MAX_DEPTH:
            raise RecursionError
        if kind is dict:
            return self._map(value, depth + 1)  # type: ignore[arg-type]  # just asked
        if kind is list:
            return self._list(value, depth + 1)  # type: ignore[arg-type]  # just asked
        if kind is bytes:
            return self._bytes(value)  # type: ignore[arg-type]  # just asked
        raise _UnsupportedValue

    def _cut(self, text: str) -> str:
        if text in self._known:
            return text
        changed = self._text(text)
        if self._length is not None and len(changed) > self._length:
            return changed[: self._length - 1] + _ELLIPSIS
        if changed is text:
            _cache(self._known, text)
        return changed

    def _text(self, text: str) -> str:
        changed = text
        for rule in self._rules:
            changed = rule(changed)
        return text if changed == text else changed

    def _list(self, given: list[AttributeValue], depth: int) -> list[AttributeValue]:
        made = [self._value(value, depth) for value in given]
        if self._telling_keys:
            # The arguments of a command: an option, then its value.
            for number, word in enumerate(given[:-1], 1):
                if type(word) is str and word.startswith("-") and "=" not in word:
                    made[number] = (
                        _redact_value(made[number]) if is_sensitive_key(word) else made[number]
                    )
        is_changed = any(new is not old for new, old in zip(made, given, strict=True))
        return made if is_changed else given

    def _bytes(self, data: bytes) -> bytes:
        try:
            encoding, text = "utf-8", data.decode()
        except UnicodeDecodeError:
            encoding, text = "latin-1", data.decode("latin-1")
        changed = self._text(text)
        if changed is not text:
            data = changed.encode(encoding, "replace")
        return data if self._length is None or len(data) <= self._length else data[: self._length]


def _is_flat(bucket: FrozenProperties) -> bool:
    # What is in lists and maps is not frozen.
    return SCALARS.issuperset(map(type, bucket.values()))


def _redact_value(value: AttributeValue) -> AttributeValue:
    # Whether there is one is no secret.
    if (
        value is None
        or type(value) is bool
        or (type(value) is str and value in {"", SECRET_MARKER})
    ):
        return value
    return SECRET_MARKER


def _cache(known: set[str], text: str) -> None:
    if len(text) <= _MAX_CACHED_LENGTH:
        if len(known) >= _MAX_CACHE_SIZE:
            known.clear()
        known.add(text)


redact_secrets = Redaction(without_secrets, telling_keys=True)
"""Replaces secrets by ``[redacted:secret]``.

Found by key: whatever stands under a key that has among its words ``password``, ``passphrase``,
``secret``, ``token``, ``credential``, ``authorization``, ``cookie``, ``jwt``, ``api key``,
``access key``, ``private key``, ``license key`` and the like, in any spelling (``x-api-key``,
``dbPassword``), but for True, False and None. Not where a word says that the value is only about
the secret (``token_count``, ``cookie_consent``, ``has_password``), nor where tokens are what models
read (``tokens``, ``input_token``, ``time_to_first_token``). The same in text (``password=…``,
``"token": "…"``, ``<password>…</password>``, ``Authorization: …`` to the end of the line) and among
the arguments of a command (``--password …``, ``-Password …``); in text, a value without quotes ends
at a blank or ``&``, and one that only says how it stands is left (``password: required``).

Found by their looks: private keys in PEM, JSON Web Tokens, user and password in a URL, bearer and
basic credentials, the keys and tokens of some eighty services (AWS, Google, Microsoft, GitHub,
GitLab, Slack, Stripe, OpenAI, Anthropic, Hugging Face, New Relic, Sentry, npm, PyPI, …) that have
a form of their own, the URLs of Slack's, Discord's and Teams' webhooks, and 32 or more characters
of letters of both cases and digits, mixed as no name or path mixes them (99 of 100 random ones are
found; public keys and content addresses look the same).

Not found: a password in plain prose; hexadecimal keys without a telling key, for hashes and ids
look the same; what is encoded or encrypted; pairs such as ``{"name": "password", "value": …}``.
"""

redact_emails = Redaction(without_emails)
"""Replaces e-mail addresses by ``[redacted:email]``.

Found: addresses in every script, internationalised domains in both forms, quoted local parts,
domains that are IP addresses, and ``%40`` for the ``@``. Where an address joins other text without
a blank, quote, bracket, comma, colon, ``/``, ``=``, ``?`` or ``&``, that goes with it.

Not found: an address without a dot in its domain (``root@localhost``), and one that is spelled out
("bob at example dot com"). Use it after `redact_secrets`, or together with it by `redact`: the
password in a URL ends like an address begins.
"""

hide_home = Redaction(without_homes(os.path.expanduser("~")))
"""Puts ``~`` in the place of home directories: this user's own, wherever it is, and anybody's.

Found: ``/home/bob``, ``/Users/bob``, ``/root``, also below a mount such as ``/var`` or ``/mnt``;
``~bob/``; ``C:\\Users\\bob`` and ``C:\\Documents and Settings\\bob`` with slashes of both kinds,
single or escaped, in any case, and on a share; all of them in ``file://`` URLs, in lists of paths
and after compilers' options.

Not found: the user's name anywhere else; a path whose slashes are percent-encoded; homes in other
places that are not this user's own. ``/home/news`` looks like a home even where it is a route of a
web server; within an ``https://`` URL it stays.
"""

strip_url_queries = Redaction(without_url_queries)
"""Cuts user and password, query and fragment off URLs; leaves no marker, so a URL stays a URL.

Found: in every text that has ``://``, up to a blank, ``"``, ``<`` or ``>``; and references such as
``/search?q=…`` or ``www.example.com/?q=…`` where a word begins.

Not found: what is private in a host's name or in a path, and URLs of other forms (``mailto:``).
"""


def truncate(characters: int) -> Redaction:
    """Return a hook that cuts longer values, at every level. Keys and names stay whole.

    Args:
        characters: Characters kept of a str, the last of them an ellipsis that says so; bytes kept
            of a bytes value. Use it last, or by `redact`: half a secret is not recognised.

    Raises:
        ConfigurationError: *characters* is no int of 1 or more.
    """
    if type(characters) is not int or characters < 1:
        raise ConfigurationError("truncate needs a whole number of characters, 1 or more")
    return Redaction(length=characters)


_RULE_ORDER = (redact_secrets, strip_url_queries, redact_emails, hide_home)


def redact(*rules: Redaction | Callable[[str], str]) -> Redaction:
    """Return a hook that does what several hooks do, in one walk over the event.

    Args:
        rules: Hooks of this module, but for `allow_only`. They order themselves: secrets, URLs,
            e-mail addresses, homes, and `truncate` at last. And functions of your own from a text
            to what may leave of it, called before `truncate`, on names, keys and values. What such
            a function returns must depend on the text alone; tell it apart by its own marker.

    Raises:
        ConfigurationError: There is no rule, or one makes no str of an empty one.
    """
    if not rules:
        raise ConfigurationError("redact needs a rule, such as redact_secrets")
    ordered: list[Redaction | Callable[[str], str]] = []
    ordered += [rule for rule in _RULE_ORDER if rule in rules]
    ordered += [rule for rule in rules if rule not in ordered]
    result = Redaction()
    for rule in ordered:
        if not isinstance(rule, Redaction):
            _check_rule(rule)
        result = result.joined(rule)
    return result


def _check_rule(rule: Callable[[str], str]) -> None:
    """Find out now what would cost every event: a hook for events is no rule for texts."""
    try:
        returned: object = rule("")
    except Exception:
        returned = None
    if not isinstance(returned, str):
        raise ConfigurationError(
            "redact takes the hooks of its module but for allow_only, and functions from str to str"
        )


def allow_only(
    *keys: str, event: Iterable[str] = (), user: Iterable[str] = (), group: Iterable[str] = ()
) -> BeforeSend:
    """Return a hook that lets named properties leave and no others.

    An allowed property leaves whole, whatever is in it; the event's name is not concerned.

    Args:
        keys: Allowed in every bucket. A key that ends in ``.*`` allows all that begin as it does:
            ``"http.*"`` allows ``http.route``.
        event: Allowed among the event properties, beside *keys*.
        user: Allowed among the user properties, beside *keys*.
        group: Allowed among the group properties, beside *keys*.

    Raises:
        ConfigurationError: A key is no str, or is empty, or one str was given for several keys.
    """
    everywhere = _check_keys("keys", keys)
    of_event, of_user, of_group = (
        _bucket_filter((*everywhere, *_check_keys(name, more)))
        for name, more in (("event", event), ("user", user), ("group", group))
    )

    def allow(given: Event) -> Event:
        one = of_event(given.event_properties)
        two = of_user(given.user_properties)
        three = of_group(given.group_properties)
        if (
            one is given.event_properties
            and two is given.user_properties
            and three is given.group_properties
        ):
            return given
        return replace(given, event_properties=one, user_properties=two, group_properties=three)

    return allow


def _bucket_filter(keys: Iterable[str]) -> Callable[[_Bucket], _Bucket]:
    exact = frozenset(keys)
    beginnings = tuple(key[:-1] for key in exact if key.endswith(".*"))

    def allowed(bucket: _Bucket) -> _Bucket:
        if exact.issuperset(bucket):
            return bucket
        kept = {
            key: value
            for key, value in bucket.items()
            if key in exact or (type(key) is str and key.startswith(beginnings))
        }
        return bucket if len(kept) == len(bucket) else kept

    return allowed


def _check_keys(name: str, keys: Iterable[str]) -> tuple[str, ...]:
    given: tuple[object, ...] = (None,) if isinstance(keys, str) else tuple(keys)
    names = tuple(key for key in given if isinstance(key, str) and key)
    if len(names) < len(given):
        raise ConfigurationError(
            f"allow_only: {name} must be names of properties, such as ('plan', 'locales')"
        )
    return names
