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

from otel_telemetry.trust.patterns import Pattern

MARKER = "[redacted:secret]"

_WORDS = (
    r"pass(?:word|wd|phrase|code|wort)|kennwort|contrase(?:ñ|n)a|senha|pwd|secret|token|jwt|bearer"
    r"|credential|api[ _.-]?key|(?:access|account|auth|encryption|master|private|session|shared"
    r"|signing|subscription)[ _.-]?key|authorization|cookie|connection[ _.-]?string"
)
# A part of each of them, for a first look that costs little.
_STEMS = (
    *("pass", "wort", "contrase", "senha", "pwd", "secret", "token", "jwt", "bearer", "credential"),
    *("key", "authorization", "cookie", "string", "sig"),
)
# A key tells if one of these is a word of it, and its last word does not say that the value is
# only about the secret.
_TELLING = Pattern(
    rf"(?:{_WORDS}|\botp)s?(?![^\W\d_])"
    r"|passw(?:or)?d(?!less)|passphrase|apikey|accesskey|privatekey|secretkey|authtoken|accesstoken"
    r"|refreshtoken|clientsecret|(?:db|database|smtp|ftp|mysql|postgres|proxy|user|admin)[ ]pass\b"
)
_COUNTED = Pattern(r"\btokens\b")
_HARMLESS = frozenset(
    (
        *("age", "algorithm", "banner", "category", "consent", "count", "created", "enabled"),
        *("endpoint", "expired", "expires", "expiry", "file", "format", "host", "kind", "length"),
        *("limit", "method", "mode", "name", "path", "policy", "provider", "rotated", "rotation"),
        *("scheme", "score", "size", "source", "status", "store", "strength", "supported"),
        *("total", "ttl", "type", "uri", "url", "usage", "used", "version"),
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
    rf"(?<![\w-])--(?=[a-z])([\w-]{{0,32}}?(?:{_WORDS})[\w-]{{0,16}})\s{{1,3}}(?!-)", re.IGNORECASE
)
_VALUE = Pattern(rf"{_QUOTED}|[^\s&]+")
_QUOTES = ('\\"', '"', "'")
_SCHEME = Pattern(r"\b(bearer|basic)\s{1,3}([A-Za-z0-9._~+/-]{6,}=*)", re.IGNORECASE)
_ISSUED = Pattern(
    r"eyJ[\w-]{10}[\w.=-]*"  # JSON Web Token, encrypted or not
    r"|(?:AKIA|ASIA)[A-Z0-9]{16,}"  # AWS
    r"|A(?:IzaS[\w-]{30,}|TATT[\w=-]{30,}|GE-SECRET-KEY-1[A-Z0-9]{40,})"  # Google, Atlassian, age
    r"|ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|g(?:h[pousr]_[A-Za-z0-9]{20,}|ithub_pat_\w{20,})"  # GitHub
    r"|gl(?:pat|ptt|dt|rt|cbt|soat)-[\w.-]{20,}"  # GitLab
    r"|x(?:ox[a-z]|app)-[A-Za-z0-9-]{10,}"  # Slack
    r"|hooks\.slack\.com/(?:services|workflows)/[\w/]+"
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/]{20,}=*"  # Stripe
    r"|sk(?<![A-Za-z0-9]sk)-(?=[\w-]{0,48}\d)[\w-]{20,}"  # OpenAI, Anthropic
    r"|hf_(?<![A-Za-z0-9]hf_)[A-Za-z0-9]{30,}|npm_(?<![A-Za-z0-9]npm_)[A-Za-z0-9]{36,}"
    r"|pypi-AgE[\w-]{50,}|SG\.[\w-]{16}[\w.-]{16,}|dop?[or]?_v1_[a-f0-9]{40,}"  # SendGrid, …
    r"|dapi[a-f0-9]{32,}|dckr_pat_[\w-]{20,}|hv[sbr]\.[\w-]{24,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32,}"
    r"|SK[a-f0-9]{32}|key-(?<![A-Za-z0-9-]key-)[a-f0-9]{32}"  # Twilio, Mailgun
    r"|\d{8,10}:AA[\w-]{32,}",  # Telegram
    re.ASCII,
)
_RUN = Pattern(r"[A-Za-z0-9+/_-]{32,}={0,2}")
# The pieces of names are words, numbers and hashes; those of random text are nothing.
_PIECE = Pattern(r"[0-9a-f]{8,}|[0-9A-F]{8,}|[A-Z]?[a-z]+|[A-Z]{1,4}|[0-9]+")
_SHORTEST_RUN = 32
_AWS_SECRET = 40
_LONGEST_WHOLE = 256


def is_telling(key: str) -> bool:
    """Tell whether *key* is the name of a secret."""
    words = _SEPARATORS.re.sub(" ", _HUMP.re.sub(" ", key.replace(MARKER, ""))).lower().strip()
    # "tokens" are counted, and "cookies" are not.
    return (
        _TELLING.re.search(_COUNTED.re.sub("", words)) is not None
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
    if ("=" in text or ":" in text or "--" in text) and any(map(text.lower().__contains__, _STEMS)):
        text = _with_values_marked(text, _HEADER, _HEADER_VALUE)
        text = _with_values_marked(text, _ASSIGNED, _VALUE)
        text = _with_values_marked(text, _OPTION, _VALUE)
    if " " in text:
        text = _SCHEME.re.sub(_scheme, text)
    text = _ISSUED.re.sub(_issued, text)
    return _RUN.re.sub(_random, text) if len(text) >= _SHORTEST_RUN else text


def _with_values_marked(text: str, keys: Pattern, values: Pattern) -> str:
    """Return *text* with a marker for the value after each telling key, in the value's quotes."""
    parts: list[str] = []
    done = 0
    for found in keys.re.finditer(text):
        if found.start() < done or not (keys is _HEADER or _is_telling_in_text(found[1])):
            continue
        value = values.re.match(text, found.end())
        if value is not None:
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


def _issued(found: re.Match[str]) -> str:
    if found[0].startswith("eyJ") and "." not in found[0]:
        return found[0]
    return MARKER


def _random(found: re.Match[str]) -> str:
    run = found[0]
    if len(run) <= _LONGEST_WHOLE and _is_random(run):
        return MARKER
    parts = run.split("/")
    if len(parts) == 1:
        return MARKER if len(run) > _LONGEST_WHOLE and _is_random(run) else run
    return "/".join(
        MARKER if len(part) >= _SHORTEST_RUN and _is_random(part) else part for part in parts
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
