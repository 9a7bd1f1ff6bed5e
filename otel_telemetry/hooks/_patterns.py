"""Regular expressions that cost nothing until they are used."""

from __future__ import annotations

import re
from binascii import Error as NoBase64
from binascii import a2b_base64
from collections.abc import Callable, Iterable


class LazyPattern:
    """A regular expression, compiled at its first use.

    Compiling all that the hooks look for takes milliseconds; a program that sends nothing, or
    nothing with an ``@`` in it, has no use for them. Thread-safe.
    """

    __slots__ = ("_compiled", "_flags", "_text")

    def __init__(self, text: str, flags: int = 0) -> None:
        self._text = text
        self._flags = flags
        self._compiled: re.Pattern[str] | None = None

    @property
    def re(self) -> re.Pattern[str]:
        """The compiled expression."""
        if self._compiled is None:
            self._compiled = re.compile(self._text, self._flags)
        return self._compiled


_MIN_TOKEN_LENGTH = 15
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# Their beginnings are no part of any word.
_UNMISTAKABLE = (
    r"eyJ[\w-]{10}[\w.=-]*",  # JSON Web Token, encrypted or not
    *(r"AKIA[A-Z0-9]{16,}", r"ASIA[A-Z0-9]{16,}"),  # AWS
    *(r"AIza[\w-]{33,}", r"ya29\.[\w.-]{20,}", r"GOCSPX-[\w-]{20,}"),  # Google
    r"AT(?:ATT|CTT|BB)[\w=-]{28,}",  # Atlassian
    r"AGE-SECRET-KEY-1[A-Z0-9]{40,}",
    *(r"gh[pousr]_[A-Za-z0-9]{20,}", r"github_pat_\w{20,}"),  # GitHub
    r"gl(?:pat|ptt|dt|rt|rtr|cbt|soat|ft|ffct|imt|agent|oas)-[\w.-]{20,}",  # GitLab
    r"x(?:ox[a-z]|app)-[A-Za-z0-9-]{10,}",  # Slack
    *(r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}", r"whsec_[A-Za-z0-9+/]{20,}=*"),  # Stripe
    r"pypi-AgE[\w-]{50,}",
    r"SG\.[\w-]{16}[\w.-]{16,}",  # SendGrid
    r"dop?[or]?_v1_[a-f0-9]{40,}",  # DigitalOcean
    r"dapi[a-f0-9]{32,}",  # Databricks
    r"dckr_[a-z]at_[\w-]{20,}",  # Docker
    r"hv[sbr]\.[\w-]{24,}",  # HashiCorp Vault
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32,}",  # Shopify
    r"SK[a-f0-9]{32}",  # Twilio
    r"\d{8,10}:AA[\w-]{32,}",  # Telegram
)
# The beginnings of these may end a word.
_BEGINNING_A_WORD = (
    r"sk-(?=[\w-]{0,48}\d)[\w-]{20,}",  # OpenAI, Anthropic, and those who do as they
    *(r"hf_[A-Za-z0-9]{30,}", r"api_org_[A-Za-z0-9]{30,}"),  # Hugging Face
    r"gsk_[A-Za-z0-9]{40,}",  # Groq
    r"pplx-[A-Za-z0-9]{40,}",  # Perplexity
    r"xai-[A-Za-z0-9]{60,}",
    r"r8_[A-Za-z0-9]{37}",  # Replicate
    r"pcsk_\w{40,}",  # Pinecone
    r"fw_[A-Za-z0-9]{24}(?![A-Za-z0-9])",  # Fireworks
    r"tvly-[\w-]{24,}",  # Tavily
    r"nvapi-[\w-]{40,}",  # NVIDIA
    r"lsv2_[a-z]{2}_[a-f0-9_]{42,}",  # LangSmith
    r"AQ\.A[\w-]{40,}",  # Google
    r"npm_[A-Za-z0-9]{36,}",
    r"rubygems_[a-f0-9]{48}",
    r"oy2[a-z0-9]{43}",  # NuGet
    r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])",  # crates.io
    r"CLOJARS_[a-z0-9]{60}",
    r"GR1348941[\w-]{20,}",  # GitLab's runners
    r"sntry[a-z]_[\w+/=-]{32,}",  # Sentry
    r"snyk_[a-z]{3}\.[\w.-]{20,}",
    r"sq[apu]_[a-f0-9]{40}",  # Sonar
    r"sgp_[a-f0-9_]{40,}",  # Sourcegraph
    r"sk_[a-f0-9]{48}",  # ElevenLabs
    *(r"NR(?:AK|AA|II|IQ|JS|RA|SP)-[\w-]{15,}", r"[0-9a-f]{36}NRAL"),  # New Relic
    r"[a-z]{2}\d\dxx[0-9a-f]{30}NRAL",
    *(r"glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}", r"glc_eyJ[\w+/=-]{30,}"),  # Grafana
    r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}",  # Dynatrace
    r"hc[a-z]{2}k_[a-z0-9]{40,}",  # Honeycomb
    r"ph[arsx]_[A-Za-z0-9]{40,}",  # PostHog
    rf"sdk-{_UUID}",  # LaunchDarkly
    *(r"sbp_[a-f0-9]{40}", r"sb_secret_[\w-]{20,}"),  # Supabase
    r"pscale_[a-z]{2,5}_[\w-]{32,}",  # PlanetScale
    r"napi_[a-z0-9]{60,}",  # Neon
    r"vc[a-z]_[A-Za-z0-9]{56}",  # Vercel
    r"nfp_[A-Za-z0-9]{36,}",  # Netlify
    *(r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", r"cf[a-z]{1,2}_[A-Za-z0-9]{40,}"),  # Cloudflare
    r"HRKU-[\w-]{30,}",  # Heroku
    r"pul-[a-f0-9]{40}",  # Pulumi
    r"dp\.[a-z]{2,5}\.[\w.-]{40,}",  # Doppler
    r"dose[a-f0-9]{32}",  # DigitalOcean
    r"tskey-[\w-]{20,}",  # Tailscale
    r"[\w.~-]{3}\dQ~[\w.~-]{31,}",  # Microsoft Entra
    r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",  # 1Password
    r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}",  # Postman
    r"ntn_[A-Za-z0-9]{40,}",  # Notion
    r"lin_[a-z]{3,5}_\w{30,}",  # Linear
    r"fig[a-z]_[\w-]{40,}",  # Figma
    r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}",  # Airtable
    r"x(?:key|smtp)sib-[a-f0-9]{64}-\w{16}",  # Brevo
    r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}",  # Resend
    r"key-(?<!-key-)[a-f0-9]{32}",  # Mailgun
    r"[0-9a-f]{32}-(?:us\d{1,2}|[0-9a-f]{8}-[0-9a-f]{8})(?![\w-])",  # Mailchimp, Mailgun
    r"sq0[a-z]{3}-[\w-]{20,}",  # Square
    r"rzp_(?:live|test)_[A-Za-z0-9]{14,}",  # Razorpay
    rf"access-(?:sandbox|development|production)-{_UUID}",  # Plaid
    r"access_token\$(?:sandbox|production)\$\w{16}\$[a-f0-9]{32}",  # Braintree, PayPal
    r"WPL_AP1\.[\w.]{20,}={0,2}",  # LinkedIn
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}",  # Discord
    r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/]+",
    r"hooks\.zapier\.com/hooks/[\w/]+",
    r"discord(?:app)?\.com/api/webhooks/[\w/-]+",
    r"webhook\.office\.com/webhookb2/[^\s\"'<>]+",
)


def _alternatives(patterns: Iterable[str]) -> str:
    """Join *patterns* by their first letters: few need be tried where none begins."""
    groups: dict[str, list[str]] = {}
    for pattern in patterns:
        first = pattern[0] if pattern[0].isalpha() else ""
        groups.setdefault(first, []).append(pattern[len(first) :])
    return "|".join(f"{first}(?:{'|'.join(rests)})" for first, rests in groups.items())


# A word begins; or what stands before it is an escaped line end, a colour, or a quoted byte.
_WORD_START = r"(?<![A-Za-z0-9])"
_WORD_START_OR_ESCAPE = rf"(?:{_WORD_START}|(?<=\\[nrt])|(?<=[\d\[;]m)|(?<=%[0-9A-Fa-f]{{2}}))"
_TOKENS_OF_WORDS = _alternatives(_BEGINNING_A_WORD)
_TOKEN_ANYWHERE = LazyPattern(_alternatives(_UNMISTAKABLE), re.ASCII)
_TOKEN_AT_WORD_START = LazyPattern(rf"{_WORD_START}(?:{_TOKENS_OF_WORDS})", re.ASCII)
_TOKEN_AFTER_ESCAPE = LazyPattern(rf"{_WORD_START_OR_ESCAPE}(?:{_TOKENS_OF_WORDS})", re.ASCII)
_ESCAPES = "\\%\x1b"


def without_tokens(text: str, marker: str) -> str:
    """Return *text* with a *marker* for every token."""
    # There is no blank in any, and of most texts no word is as long.
    words = {word for word in text.split() if len(word) >= _MIN_TOKEN_LENGTH}
    if not words:
        return text
    after_start = (
        _TOKEN_AFTER_ESCAPE if any(map(text.__contains__, _ESCAPES)) else _TOKEN_AT_WORD_START
    )
    for tokens in (_TOKEN_ANYWHERE, after_start):
        if any(map(tokens.re.search, words)):
            text = tokens.re.sub(
                lambda found: found[0] if _is_encoded_json(found[0]) else marker, text
            )
    return text


def _is_encoded_json(found: str) -> bool:
    """Tell whether this is encoded JSON, but no token: those have parts."""
    return found.startswith("eyJ") and "." not in found


SECRET_MARKER = "[redacted:secret]"  # noqa: S105 - a marker, not a secret

_SENSITIVE_NAMES = (
    r"pass(?:word|wd|phrase|code|wort)|kennwort|contrase(?:ñ|n)a|senha|pwd|secret|token|jwt|bearer"
    r"|credential|(?:access|account|admin|api|app(?:lication)?|auth|deploy|encryption|ingest(?:ion)?"
    r"|instrumentation|licen[cs]e|master|private|session|shared|signing|ssh|storage|subscription"
    r"|write)[ _.-]?key|authorization|cookie|connection[ _.-]?string"
    r"|(?:backup|recovery|seed)[ _.-]?(?:code|phrase)"
)
# A part of each of them, for a first look that costs little.
_SENSITIVE_NAME_PARTS = (
    *("pass", "wort", "contrase", "senha", "pwd", "secret", "token", "jwt", "bearer", "credential"),
    *("key", "authorization", "cookie", "string", "sig", "backup", "recovery", "seed"),
)
# A key tells if one of these is a word of it, and its last word does not say that the value is
# only about the secret.
_SENSITIVE_KEY = LazyPattern(
    rf"(?:{_SENSITIVE_NAMES}|\botp)s?(?![^\W\d_])"
    r"|passw(?:or)?d(?!less)|passphrase|apikey|accesskey|privatekey|secretkey|authtoken|accesstoken"
    r"|refreshtoken|clientsecret|(?:db|database|smtp|ftp|mysql|postgres|proxy|user|admin)[ ]pass\b"
)
# What models read and write; and what only asks whether there is a secret.
_COUNTED_TOKENS = LazyPattern(
    r"\btokens\b|\b(?:cached|completion|first|input|last|output|per|prompt|reasoning) token\b"
    r"|\btoken per\b"
)
_YES_OR_NO_WORDS = LazyPattern(r"\b(?:allows|has|is|needs|requires|shows?|supports|uses|was)\b")
_METADATA_WORDS = frozenset(
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
_STATUS_VALUES = frozenset(
    (
        *("", "bad", "clicked", "disabled", "empty", "enabled", "essential", "expired", "false"),
        *("incorrect", "invalid", "missing", "must", "nil", "no", "none", "null", "off", "on"),
        *("optional", "required", "revoked", "true", "undefined", "unexpected", "unknown"),
        *("unset", "wrong", "yes"),
    )
)
_CASE_CHANGE = LazyPattern(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = LazyPattern(r"[\W_]+")

_PEM = LazyPattern(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
    r"(?:[\s\S]*?-----END [A-Z0-9 ]{0,40}-----|[\s\S]*)"
)
# Between two slashes and the next there is one authority: nothing is read twice.
_USERINFO = LazyPattern(r"""://[^\s/?#"<>]*@""")
_QUOTED = r"""\\"[^"]*"?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
_ASSIGNMENT_SIGN = r"""["'\\]{0,2}\s{0,3}(?:=>|:=|[:=])\s{0,3}"""
# A key and its sign; the value is looked for where it is wanted, and so never hides the next key.
_HEADER = LazyPattern(rf"(?:authorization|cookie){_ASSIGNMENT_SIGN}", re.IGNORECASE)
_HEADER_VALUE = LazyPattern(rf"{_QUOTED}|[^\r\n]+")
_ASSIGNMENT = LazyPattern(
    rf"((?:{_SENSITIVE_NAMES}|sig)[\w.-]{{0,32}}){_ASSIGNMENT_SIGN}(?!//)", re.IGNORECASE
)
_OPTION = LazyPattern(
    rf"(?<![\w-])--?(?=[a-z])([\w-]{{0,32}}?(?:{_SENSITIVE_NAMES})[\w-]{{0,16}})\s{{1,3}}(?!-)",
    re.IGNORECASE,
)
_VALUE = LazyPattern(rf"{_QUOTED}|[^\s&]+")
_ELEMENT = LazyPattern(
    rf"<([\w.:-]{{0,32}}?(?:{_SENSITIVE_NAMES})[\w.-]{{0,32}})(?:\s[^<>]{{0,200}})?>", re.IGNORECASE
)
_ELEMENT_VALUE = LazyPattern(r"[^<]+")
_QUOTES = ('\\"', '"', "'")
_CREDENTIALS = LazyPattern(
    r"\b(bearer|basic|geniekey|ssws)\s{1,3}([A-Za-z0-9._~+/-]{6,}=*)", re.IGNORECASE
)
_LONG_RUN = LazyPattern(r"[A-Za-z0-9+/_-]{32,}={0,2}")
# The pieces of names are words, numbers and hashes; those of random text are nothing.
_PIECE = LazyPattern(r"[0-9a-f]{8,}|[0-9A-F]{8,}|[A-Z]?[a-z]+|[A-Z]{1,4}|[0-9]+")
# Digests that say so (Subresource Integrity, section 3.1) are as random as keys.
_DIGEST_PREFIXES = ("sha256-", "sha384-", "sha512-")
_MIN_RUN_LENGTH = 32
_AWS_SECRET_LENGTH = 40


def is_sensitive_key(key: str) -> bool:
    """Tell whether *key* is the name of a secret."""
    words = (
        _SEPARATORS.re.sub(" ", _CASE_CHANGE.re.sub(" ", key.replace(SECRET_MARKER, "")))
        .lower()
        .strip()
    )
    # "tokens" are counted, and "cookies" are not.
    return (
        _SENSITIVE_KEY.re.search(_COUNTED_TOKENS.re.sub("", words)) is not None
        and _YES_OR_NO_WORDS.re.search(words) is None
        and words.rpartition(" ")[2] not in _METADATA_WORDS
    )


def without_secrets(text: str) -> str:
    """Return *text* with a marker for everything that looks like a secret."""
    if len(text) < 8 or (len(text) < 16 and text.isalnum()):
        return text
    if "PRIVATE KEY" in text:
        text = _PEM.re.sub(SECRET_MARKER, text)
    if "://" in text and "@" in text:
        text = _USERINFO.re.sub(f"://{SECRET_MARKER}@", text)
    if any(map(text.__contains__, "=:-<")) and any(
        map(text.lower().__contains__, _SENSITIVE_NAME_PARTS)
    ):
        text = _with_values_marked(text, _HEADER, _HEADER_VALUE)
        text = _with_values_marked(text, _ASSIGNMENT, _VALUE)
        text = _with_values_marked(text, _OPTION, _VALUE)
        if "</" in text:
            text = _with_values_marked(text, _ELEMENT, _ELEMENT_VALUE)
    if " " in text:
        text = _CREDENTIALS.re.sub(_redact_credentials, text)
    text = without_tokens(text, SECRET_MARKER)
    return _LONG_RUN.re.sub(_redact_random_run, text) if len(text) >= _MIN_RUN_LENGTH else text


def _with_values_marked(text: str, keys: LazyPattern, values: LazyPattern) -> str:
    """Return *text* with a marker for the value after each telling key, in the value's quotes."""
    parts: list[str] = []
    done = 0
    for found in keys.re.finditer(text):
        if found.start() < done or not (keys is _HEADER or _is_sensitive_key_in_text(found[1])):
            continue
        value = values.re.match(text, found.end())
        if value is not None and value[0].strip("\\\"'.,;)]}").lower() not in _STATUS_VALUES:
            quote = next((sign for sign in _QUOTES if value[0].startswith(sign)), "")
            parts += text[done : found.end()], quote, SECRET_MARKER, quote
            done = value.end()
    return "".join(parts) + text[done:] if parts else text


def _is_sensitive_key_in_text(key: str) -> bool:
    return key.lower() in {"sig", "signature"} or is_sensitive_key(key)


def _redact_credentials(found: re.Match[str]) -> str:
    scheme, value = found.groups()
    if scheme.lower() == "basic":
        is_secret = _is_user_and_password(value)
    else:
        is_secret = len(value) >= 20 or not value.isalpha()
    return f"{scheme} {SECRET_MARKER}" if is_secret else found[0]


def _is_user_and_password(value: str) -> bool:
    """Tell whether *value* is what HTTP's basic scheme makes of the two (RFC 7617)."""
    try:
        return b":" in a2b_base64(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
    except NoBase64:
        return False


def _redact_random_run(found: re.Match[str]) -> str:
    run = found[0]
    if run.startswith(_DIGEST_PREFIXES):
        return run
    # As a whole first: encoded keys have slashes, too, and of no key a part may stay.
    if _is_random(run):
        return SECRET_MARKER
    return "/".join(
        SECRET_MARKER if len(part) >= _MIN_RUN_LENGTH and _is_random(part) else part
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
    return len(letters) <= len(pieces) * (2.9 if len(run) == _AWS_SECRET_LENGTH else 2.6)


EMAIL_MARKER = "[redacted:email]"

# Punctuation of other scripts ends an address; the joiners U+200C and U+200D belong to words.
_FOREIGN_PUNCTUATION = (
    r"\u00a0-\u00a9\u00ab\u00bb\u2000-\u200b\u200e-\u206f\u3000\u3001\u3003-\u303f"
    r"\uff00-\uff0d\uff1a-\uff20"
)
_LOCAL_CHARACTER = rf"""[^\s\x00-\x20\x7f()<>\[\]:;,"\\/=?&@{_FOREIGN_PUNCTUATION}\u3002]"""
_LABEL_CHARACTER = (
    rf"[^\s\x00-\x2c./\x3a-\x40\x5b-\x60\x7b-\x7f{_FOREIGN_PUNCTUATION}\u3002\uff0e\uff61]"
)
_DOT = r"[.\u3002\uff0e\uff61]"
# A local part begins only where no character of one stands before it, and a domain after an @:
# neither is read twice.
_EMAIL = LazyPattern(
    rf"""(?:(?<!{_LOCAL_CHARACTER}){_LOCAL_CHARACTER}+|"[^"\r\n]{{1,64}}")(?:@|%40)"""
    rf"(?:(?:{_LABEL_CHARACTER}{{1,63}}{_DOT})+(?=[^\W\d_]){_LABEL_CHARACTER}{{2,63}}"
    r"|\[(?:IPv6:)?[0-9A-Fa-f.:]{3,45}\])"
)

_QUERY_OR_FRAGMENT = r"[?#][^\s\"<>]*"
_URL = LazyPattern(
    rf"(://)(?:[^\s/?#\"<>]*@)?([^\s?#\"<>]*)(?:{_QUERY_OR_FRAGMENT})?"
    # A reference without a scheme, where a word begins.
    rf"|(?<![\w.~%/-])((?:/|www\.)[^\s?#\"<>]*)(?:{_QUERY_OR_FRAGMENT})?",
    re.IGNORECASE,
)

_USER_NAME = r"[^\s/\\:\"'<>|*?,;()\[\]{}&#=]+"
_SLASH = r"(?:\\{0,2}/){1,4}"  # JSON may escape it
# Where homes are mounted, by others than the machine that they are on.
_MOUNT_POINT = (
    rf"(?:{_SLASH}(?:var|usr|export|mnt|net|nfs|srv|data|host|hostfs|rootfs|private|remote|chroot)"
    rf"|{_SLASH}(?:Volumes|media)/[^\s/\\:\"'<>]{{1,64}}|{_SLASH}System/Volumes/Data){{0,3}}"
)
# Where an absolute path may begin: "https://example.com/home/news" and "src/home/" are no homes.
# But compilers' options, escaped line ends, colours and steps upwards may stand before one.
_PATH_START = (
    r"(?:(?<![\w.~}/\\-])|(?<=-[A-Za-z])|(?<=\\[nrt])|(?<=[\d\[;]m)|(?<=\.\.)"
    r"|(?<=file://)|(?<=//localhost))"
)
_UNIX_HOME = (
    rf"{_PATH_START}(?:{_MOUNT_POINT}{_SLASH}(?:home|Users){_SLASH}{_USER_NAME}|{_SLASH}root(?![\w.-]))"
    r"|(?<![\w~.%/-])~[A-Za-z_][\w.-]{0,63}(?=/)"
)
# A name may have blanks where a separator shows its end.
_WINDOWS_USER_NAME = rf"(?:[^\\/:*?\"<>|\r\n]{{1,64}}(?=[\\/])|{_USER_NAME})"
_WINDOWS_HOME = (
    r"(?:[A-Za-z](?::|%3A|\|)[\\/]{1,4}|(?:/mnt|/cygdrive)?/[A-Za-z]/"
    r"|\\{2,4}[^\s\\/:*?\"<>|]{1,64}\\{1,2}(?:[A-Za-z]\$\\{1,2})?)"
    rf"(?:Users|Documents(?: |%20)and(?: |%20)Settings)[\\/]{{1,4}}{_WINDOWS_USER_NAME}"
)
_HOME_PATH_PARTS = ("home", "users", "root", "settings")
_HOME = LazyPattern(rf"(file:/{{2,3}}(?:localhost(?=/))?)?(?:(?i:/?{_WINDOWS_HOME})|{_UNIX_HOME})")


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
    mine = LazyPattern(rf"{_PATH_START}{re.escape(own)}(?![\w.-])") if len(own) > 1 else None

    def hidden(text: str) -> str:
        if "/" not in text and "\\" not in text:
            return text
        if mine is not None and own in text:
            text = mine.re.sub("~", text)
        lower = text.lower()  # looked at first, for that costs little
        if "~" not in text and not any(map(lower.__contains__, _HOME_PATH_PARTS)):
            return text
        return _HOME.re.sub(lambda found: f"{found[1] or ''}~", text)

    return hidden
