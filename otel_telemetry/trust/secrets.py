"""What looks like a secret, in a text or by its key.

Every pattern is linear by construction. What comes before its one unbounded repeat is bounded, and
what comes after it can be empty; or it can begin only once in a run of the characters that it
repeats. So no character is looked at more than a fixed number of times, whatever the text. What a
pattern cannot say is asked of the whole match afterwards.
"""

from __future__ import annotations

import re
from binascii import Error as NoBase64
from binascii import a2b_base64

from otel_telemetry.trust.issued import without_issued
from otel_telemetry.trust.patterns import Pattern

MARKER = "[redacted:secret]"

_WORDS = (
    r"pass(?:word|wd|phrase|code|wort)|kennwort|contrase(?:ñ|n)a|senha|pwd|secret|token|jwt|bearer"
    r"|credential|(?:access|account|admin|api|app(?:lication)?|auth|deploy|encryption|ingest(?:ion)?"
    r"|instrumentation|licen[cs]e|master|private|session|shared|signing|ssh|storage|subscription"
    r"|write)[ _.-]?key|authorization|cookie|connection[ _.-]?string"
    r"|(?:backup|recovery|seed)[ _.-]?(?:code|phrase)"
)
# A part of each of them, for a first look that costs little.
_STEMS = (
    *("pass", "wort", "contrase", "senha", "pwd", "secret", "token", "jwt", "bearer", "credential"),
    *("key", "authorization", "cookie", "string", "sig", "backup", "recovery", "seed"),
)
# A key tells if one of these is a word of it, and its last word does not say that the value is
# only about the secret.
_TELLING = Pattern(
    rf"(?:{_WORDS}|\botp)s?(?![^\W\d_])"
    r"|passw(?:or)?d(?!less)|passphrase|apikey|accesskey|privatekey|secretkey|authtoken|accesstoken"
    r"|refreshtoken|clientsecret|(?:db|database|smtp|ftp|mysql|postgres|proxy|user|admin)[ ]pass\b"
)
# What models read and write; and what only asks whether there is a secret.
_COUNTED = Pattern(
    r"\btokens\b|\b(?:cached|completion|first|input|last|output|per|prompt|reasoning) token\b"
    r"|\btoken per\b"
)
_ASKING = Pattern(r"\b(?:allows|has|is|needs|requires|shows?|supports|uses|was)\b")
_HARMLESS = frozenset(
    (
        *("age", "algorithm", "banner", "bits", "bucket", "budget", "category", "changed"),
        *("consent", "cost", "count", "created", "days", "details", "enabled", "endpoint"),
        *("expiration", "expired", "expires", "expiry", "file", "format", "host", "hours"),
        *("kind", "len", "length", "lifetime", "limit", "manager", "method", "minutes", "mode"),
        *("ms", "name", "path", "permissions", "policy", "present", "price", "protected"),
        *("provider", "rate", "requested", "reset", "rotated", "rotation", "scheme", "score"),
        *("seconds", "seen", "settings", "size", "source", "status", "store", "strength"),
        *("supported", "total", "ttl", "type", "uri", "url", "usage", "used", "valid"),
        *("validity", "version", "window"),
    )
)
# Values in text that tell nothing but how it stands with a secret.
_SAID = frozenset(
    (
        *("", "bad", "clicked", "disabled", "empty", "enabled", "essential", "expired", "false"),
        *("incorrect", "invalid", "missing", "must", "nil", "no", "none", "null", "off", "on"),
        *("optional", "required", "revoked", "true", "undefined", "unexpected", "unknown"),
        *("unset", "wrong", "yes"),
    )
)
_HUMP = Pattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = Pattern(r"[\W_]+")

_PEM = Pattern(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
    r"(?:[\s\S]*?-----END [A-Z0-9 ]{0,40}-----|[\s\S]*)"
)
# Between two slashes and the next there is one authority: nothing is read twice.
_USERINFO = Pattern(r"""://[^\s/?#"<>]*@""")
_QUOTED = r"""\\"[^"]*"?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
_SIGN = r"""["'\\]{0,2}\s{0,3}(?:=>|:=|[:=])\s{0,3}"""
# A key and its sign; the value is looked for where it is wanted, and so never hides the next key.
_HEADER = Pattern(rf"(?:authorization|cookie){_SIGN}", re.IGNORECASE)
_HEADER_VALUE = Pattern(rf"{_QUOTED}|[^\r\n]+")
_ASSIGNED = Pattern(rf"((?:{_WORDS}|sig)[\w.-]{{0,32}}){_SIGN}(?!//)", re.IGNORECASE)
_OPTION = Pattern(
    rf"(?<![\w-])--?(?=[a-z])([\w-]{{0,32}}?(?:{_WORDS})[\w-]{{0,16}})\s{{1,3}}(?!-)", re.IGNORECASE
)
_VALUE = Pattern(rf"{_QUOTED}|[^\s&]+")
_ELEMENT = Pattern(
    rf"<([\w.:-]{{0,32}}?(?:{_WORDS})[\w.-]{{0,32}})(?:\s[^<>]{{0,200}})?>", re.IGNORECASE
)
_ELEMENT_VALUE = Pattern(r"[^<]+")
_QUOTES = ('\\"', '"', "'")
_SCHEME = Pattern(r"\b(bearer|basic|geniekey|ssws)\s{1,3}([A-Za-z0-9._~+/-]{6,}=*)", re.IGNORECASE)
_RUN = Pattern(r"[A-Za-z0-9+/_-]{32,}={0,2}")
# The pieces of names are words, numbers and hashes; those of random text are nothing.
_PIECE = Pattern(r"[0-9a-f]{8,}|[0-9A-F]{8,}|[A-Z]?[a-z]+|[A-Z]{1,4}|[0-9]+")
# Digests that say so (Subresource Integrity, section 3.1) are as random as keys.
_DIGESTS = ("sha256-", "sha384-", "sha512-")
_SHORTEST_RUN = 32
_AWS_SECRET = 40


def is_telling(key: str) -> bool:
    """Tell whether *key* is the name of a secret."""
    words = _SEPARATORS.re.sub(" ", _HUMP.re.sub(" ", key.replace(MARKER, ""))).lower().strip()
    # "tokens" are counted, and "cookies" are not.
    return (
        _TELLING.re.search(_COUNTED.re.sub("", words)) is not None
        and _ASKING.re.search(words) is None
        and words.rpartition(" ")[2] not in _HARMLESS
    )


def without_secrets(text: str) -> str:
    """Return *text* with a marker for everything that looks like a secret."""
    if len(text) < 8 or (len(text) < 16 and text.isalnum()):
        return text
    if "PRIVATE KEY" in text:
        text = _PEM.re.sub(MARKER, text)
    if "://" in text and "@" in text:
        text = _USERINFO.re.sub(f"://{MARKER}@", text)
    if any(map(text.__contains__, "=:-<")) and any(map(text.lower().__contains__, _STEMS)):
        text = _with_values_marked(text, _HEADER, _HEADER_VALUE)
        text = _with_values_marked(text, _ASSIGNED, _VALUE)
        text = _with_values_marked(text, _OPTION, _VALUE)
        if "</" in text:
            text = _with_values_marked(text, _ELEMENT, _ELEMENT_VALUE)
    if " " in text:
        text = _SCHEME.re.sub(_scheme, text)
    text = without_issued(text, MARKER)
    return _RUN.re.sub(_random, text) if len(text) >= _SHORTEST_RUN else text


def _with_values_marked(text: str, keys: Pattern, values: Pattern) -> str:
    """Return *text* with a marker for the value after each telling key, in the value's quotes."""
    parts: list[str] = []
    done = 0
    for found in keys.re.finditer(text):
        if found.start() < done or not (keys is _HEADER or _is_telling_in_text(found[1])):
            continue
        value = values.re.match(text, found.end())
        if value is not None and value[0].strip("\\\"'.,;)]}").lower() not in _SAID:
            quote = next((sign for sign in _QUOTES if value[0].startswith(sign)), "")
            parts += text[done : found.end()], quote, MARKER, quote
            done = value.end()
    return "".join(parts) + text[done:] if parts else text


def _is_telling_in_text(key: str) -> bool:
    return key.lower() in {"sig", "signature"} or is_telling(key)


def _scheme(found: re.Match[str]) -> str:
    scheme, value = found.groups()
    if scheme.lower() == "basic":
        is_secret = _is_user_and_password(value)
    else:
        is_secret = len(value) >= 20 or not value.isalpha()
    return f"{scheme} {MARKER}" if is_secret else found[0]


def _is_user_and_password(value: str) -> bool:
    """Tell whether *value* is what HTTP's basic scheme makes of the two (RFC 7617)."""
    try:
        return b":" in a2b_base64(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
    except NoBase64:
        return False


def _random(found: re.Match[str]) -> str:
    run = found[0]
    if run.startswith(_DIGESTS):
        return run
    # As a whole first: encoded keys have slashes, too, and of no key a part may stay.
    if _is_random(run):
        return MARKER
    return "/".join(
        MARKER if len(part) >= _SHORTEST_RUN and _is_random(part) else part
        for part in run.split("/")
    )


def _is_random(run: str) -> bool:
    """Tell whether letters of both cases and digits are mixed as no name mixes them."""
    pieces = _PIECE.re.findall(run)
    letters = "".join(pieces)
    if letters.islower() or letters.isupper() or letters.isalpha() or letters.isdigit():
        return False
    # Of random letters and digits, 99 in 100 runs of 32 have shorter pieces; of paths and
    # identifiers hardly one. Secret keys of AWS have a length of their own.
    return len(letters) <= len(pieces) * (2.9 if len(run) == _AWS_SECRET else 2.6)
