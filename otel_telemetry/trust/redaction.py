"""Hooks for `before_send` that take secrets and traces of persons out of events.

Each is a plain callable, and several can be made one, which looks at each event once:

    telemetry = create_telemetry_instance(
        "acme-cms", before_send=redact(redact_secrets, redact_emails, hide_home, truncate(200))
    )

They see an event's name and its three buckets, keys and values at every level, text within longer
text, and bytes that hold text. What they find, they replace by a marker that says what it was, such
as ``[redacted:email]``. They do not see what the library or its settings add to every event
(`resource_attributes`, the application's name). `attribute_length_limit` cuts values before they
see them: use `truncate` instead, for half a secret is not recognised. They are a net, not a proof:
declare what may leave with `allow_only`, and use them for what is left.

All are thread-safe, take time in proportion to the event's size, change no event in place, and
return the very event they got when there is nothing to change. If one raises, the event is dropped
and counted, and does not leave.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from otel_telemetry.errors import ConfigurationError
from otel_telemetry.trust.secrets import without_secrets
from otel_telemetry.trust.texts import without_emails, without_homes, without_url_queries
from otel_telemetry.trust.walk import Redaction

TYPE_CHECKING = False  # see the package's own
if TYPE_CHECKING:
    from otel_telemetry.payload import Event
    from otel_telemetry.typing import AttributeValue, BeforeSend

    _Bucket = Mapping[str, AttributeValue]

__all__ = [
    "Redaction",
    "allow_only",
    "hide_home",
    "redact",
    "redact_emails",
    "redact_secrets",
    "strip_url_queries",
    "truncate",
]

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


_ORDER = (redact_secrets, strip_url_queries, redact_emails, hide_home)


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
    ordered += [rule for rule in _ORDER if rule in rules]
    ordered += [rule for rule in rules if rule not in ordered]
    result = Redaction()
    for rule in ordered:
        if not isinstance(rule, Redaction):
            _try(rule)
        result = result.joined(rule)
    return result


def _try(rule: Callable[[str], str]) -> None:
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
    everywhere = _checked("keys", keys)
    of_event, of_user, of_group = (
        _allowing((*everywhere, *_checked(name, more)))
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


def _allowing(keys: Iterable[str]) -> Callable[[_Bucket], _Bucket]:
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


def _checked(name: str, keys: Iterable[str]) -> tuple[str, ...]:
    given: tuple[object, ...] = (None,) if isinstance(keys, str) else tuple(keys)
    names = tuple(key for key in given if isinstance(key, str) and key)
    if len(names) < len(given):
        raise ConfigurationError(
            f"allow_only: {name} must be names of properties, such as ('plan', 'locales')"
        )
    return names
