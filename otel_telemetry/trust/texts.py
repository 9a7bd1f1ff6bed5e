"""What tells of a person, in a text: e-mail addresses, homes, the private parts of URLs.

Every pattern is linear by construction, as in `secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from otel_telemetry.trust.patterns import Pattern

EMAIL_MARKER = "[redacted:email]"

# Punctuation of other scripts ends an address; the joiners U+200C and U+200D belong to words.
_FOREIGN = (
    r"\u00a0-\u00a9\u00ab\u00bb\u2000-\u200b\u200e-\u206f\u3000\u3001\u3003-\u303f"
    r"\uff00-\uff0d\uff1a-\uff20"
)
_LOCAL = rf"""[^\s\x00-\x20\x7f()<>\[\]:;,"\\/=?&@{_FOREIGN}\u3002]"""
_LABEL = rf"[^\s\x00-\x2c./\x3a-\x40\x5b-\x60\x7b-\x7f{_FOREIGN}\u3002\uff0e\uff61]"
_DOT = r"[.\u3002\uff0e\uff61]"
# A local part begins only where no character of one stands before it, and a domain after an @:
# neither is read twice.
_EMAIL = Pattern(
    rf"""(?:(?<!{_LOCAL}){_LOCAL}+|"[^"\r\n]{{1,64}}")(?:@|%40)"""
    rf"(?:(?:{_LABEL}{{1,63}}{_DOT})+(?=[^\W\d_]){_LABEL}{{2,63}}"
    r"|\[(?:IPv6:)?[0-9A-Fa-f.:]{3,45}\])"
)

_REMAINDER = r"[?#][^\s\"<>]*"
_URL = Pattern(
    rf"(://)(?:[^\s/?#\"<>]*@)?([^\s?#\"<>]*)(?:{_REMAINDER})?"
    # A reference without a scheme, where a word begins.
    rf"|(?<![\w.~%/-])((?:/|www\.)[^\s?#\"<>]*)(?:{_REMAINDER})?",
    re.IGNORECASE,
)

_NAME = r"[^\s/\\:\"'<>|*?,;()\[\]{}&#=]+"
_SLASH = r"(?:\\{0,2}/){1,4}"  # JSON may escape it
# Where homes are mounted, by others than the machine that they are on.
_ABOVE = (
    rf"(?:{_SLASH}(?:var|usr|export|mnt|net|nfs|srv|data|host|hostfs|rootfs|private|remote|chroot)"
    rf"|{_SLASH}(?:Volumes|media)/[^\s/\\:\"'<>]{{1,64}}|{_SLASH}System/Volumes/Data){{0,3}}"
)
# Where an absolute path may begin: "https://example.com/home/news" and "src/home/" are no homes.
# But compilers' options, escaped line ends, colours and steps upwards may stand before one.
_BEGINNING = (
    r"(?:(?<![\w.~}/\\-])|(?<=-[A-Za-z])|(?<=\\[nrt])|(?<=[\d\[;]m)|(?<=\.\.)"
    r"|(?<=file://)|(?<=//localhost))"
)
_UNIX_HOME = (
    rf"{_BEGINNING}(?:{_ABOVE}{_SLASH}(?:home|Users){_SLASH}{_NAME}|{_SLASH}root(?![\w.-]))"
    r"|(?<![\w~.%/-])~[A-Za-z_][\w.-]{0,63}(?=/)"
)
# A name may have blanks where a separator shows its end.
_WINDOWS_NAME = rf"(?:[^\\/:*?\"<>|\r\n]{{1,64}}(?=[\\/])|{_NAME})"
_WINDOWS_HOME = (
    r"(?:[A-Za-z](?::|%3A|\|)[\\/]{1,4}|(?:/mnt|/cygdrive)?/[A-Za-z]/"
    r"|\\{2,4}[^\s\\/:*?\"<>|]{1,64}\\{1,2}(?:[A-Za-z]\$\\{1,2})?)"
    rf"(?:Users|Documents(?: |%20)and(?: |%20)Settings)[\\/]{{1,4}}{_WINDOWS_NAME}"
)
_STEMS = ("home", "users", "root", "settings")
_HOME = Pattern(rf"(file:/{{2,3}}(?:localhost(?=/))?)?(?:(?i:/?{_WINDOWS_HOME})|{_UNIX_HOME})")


def without_emails(text: str) -> str:
    """Return *text* with a marker for every e-mail address."""
    if "@" not in text and "%40" not in text:
        return text
    return _EMAIL.re.sub(EMAIL_MARKER, text)


def without_url_queries(text: str) -> str:
    """Return *text* with its URLs cut down to scheme, host, port and path."""
    if "?" not in text and "#" not in text and "@" not in text:
        return text
    return _URL.re.sub(lambda found: (found[1] or "") + (found[2] or "") + (found[3] or ""), text)


def without_homes(own: str) -> Callable[[str], str]:
    """Return what puts ``~`` in the place of every home directory.

    Args:
        own: The path of this user's own, which may be anywhere.
    """
    own = own.rstrip("/\\")
    mine = Pattern(rf"{_BEGINNING}{re.escape(own)}(?![\w.-])") if len(own) > 1 else None

    def hidden(text: str) -> str:
        if "/" not in text and "\\" not in text:
            return text
        if mine is not None and own in text:
            text = mine.re.sub("~", text)
        lower = text.lower()  # looked at first, for that costs little
        if "~" not in text and not any(map(lower.__contains__, _STEMS)):
            return text
        return _HOME.re.sub(lambda found: f"{found[1] or ''}~", text)

    return hidden
