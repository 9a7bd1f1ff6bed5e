"""The patterns of secrets and personal data, and the functions that replace what they match."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable


class LazyPattern:
    """A regular expression, compiled at its first use. Thread-safe.

    Compiling all patterns takes milliseconds, and many programs never need some of them.
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


# Tokens of services.
#
# A new service is one row of one of these tables, and one example in `_TOKENS` of the tests
# (tests/unit/hooks/test_patterns.py). A token has no blank and at least `_MIN_TOKEN_LENGTH`
# characters. Only the end of a pattern may repeat without a bound, so that the time to match stays
# linear in the length of the text.

_MIN_TOKEN_LENGTH = 15
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# Found anywhere in a text: no word contains the prefix.
TOKENS_ANYWHERE = (
    ("JSON Web Token", r"eyJ[\w-]{10}[\w.=-]*"),
    ("AWS", r"AKIA[A-Z0-9]{16,}"),
    ("AWS", r"ASIA[A-Z0-9]{16,}"),
    ("Google", r"AIza[\w-]{33,}"),
    ("Google", r"ya29\.[\w.-]{20,}"),
    ("Google", r"GOCSPX-[\w-]{20,}"),
    ("Atlassian", r"AT(?:ATT|CTT|BB)[\w=-]{28,}"),
    ("age", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    ("GitHub", r"gh[pousr]_[A-Za-z0-9]{20,}"),
    ("GitHub", r"github_pat_\w{20,}"),
    ("GitLab", r"gl(?:pat|ptt|dt|rt|rtr|cbt|soat|ft|ffct|imt|agent|oas)-[\w.-]{20,}"),
    ("Slack", r"x(?:ox[a-z]|app)-[A-Za-z0-9-]{10,}"),
    ("Stripe", r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("Stripe", r"whsec_[A-Za-z0-9+/]{20,}=*"),
    ("PyPI", r"pypi-AgE[\w-]{50,}"),
    ("SendGrid", r"SG\.[\w-]{16}[\w.-]{16,}"),
    ("DigitalOcean", r"dop?[or]?_v1_[a-f0-9]{40,}"),
    ("Databricks", r"dapi[a-f0-9]{32,}"),
    ("Docker", r"dckr_[a-z]at_[\w-]{20,}"),
    ("HashiCorp Vault", r"hv[sbr]\.[\w-]{24,}"),
    ("Shopify", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32,}"),
    ("Twilio", r"SK[a-f0-9]{32}"),
    ("Telegram", r"\d{8,10}:AA[\w-]{32,}"),
)
# Found only where a word begins: longer words may contain the prefix.
TOKENS_AT_WORD_START = (
    ("OpenAI, Anthropic and others", r"sk-(?=[\w-]{0,48}\d)[\w-]{20,}"),
    ("Hugging Face", r"hf_[A-Za-z0-9]{30,}"),
    ("Hugging Face", r"api_org_[A-Za-z0-9]{30,}"),
    ("Groq", r"gsk_[A-Za-z0-9]{40,}"),
    ("Perplexity", r"pplx-[A-Za-z0-9]{40,}"),
    ("xAI", r"xai-[A-Za-z0-9]{60,}"),
    ("Replicate", r"r8_[A-Za-z0-9]{37}"),
    ("Pinecone", r"pcsk_\w{40,}"),
    ("Fireworks", r"fw_[A-Za-z0-9]{24}(?![A-Za-z0-9])"),
    ("Tavily", r"tvly-[\w-]{24,}"),
    ("NVIDIA", r"nvapi-[\w-]{40,}"),
    ("LangSmith", r"lsv2_[a-z]{2}_[a-f0-9_]{42,}"),
    ("Google", r"AQ\.A[\w-]{40,}"),
    ("npm", r"npm_[A-Za-z0-9]{36,}"),
    ("RubyGems", r"rubygems_[a-f0-9]{48}"),
    ("NuGet", r"oy2[a-z0-9]{43}"),
    ("crates.io", r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    ("Clojars", r"CLOJARS_[a-z0-9]{60}"),
    ("GitLab", r"GR1348941[\w-]{20,}"),
    ("Sentry", r"sntry[a-z]_[\w+/=-]{32,}"),
    ("Snyk", r"snyk_[a-z]{3}\.[\w.-]{20,}"),
    ("Sonar", r"sq[apu]_[a-f0-9]{40}"),
    ("Sourcegraph", r"sgp_[a-f0-9_]{40,}"),
    ("ElevenLabs", r"sk_[a-f0-9]{48}"),
    ("New Relic", r"NR(?:AK|AA|II|IQ|JS|RA|SP)-[\w-]{15,}"),
    ("New Relic", r"[0-9a-f]{36}NRAL"),
    ("New Relic", r"[a-z]{2}\d\dxx[0-9a-f]{30}NRAL"),
    ("Grafana", r"glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}"),
    ("Grafana", r"glc_eyJ[\w+/=-]{30,}"),
    ("Dynatrace", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("Honeycomb", r"hc[a-z]{2}k_[a-z0-9]{40,}"),
    ("PostHog", r"ph[arsx]_[A-Za-z0-9]{40,}"),
    ("LaunchDarkly", rf"sdk-{_UUID}"),
    ("Supabase", r"sbp_[a-f0-9]{40}"),
    ("Supabase", r"sb_secret_[\w-]{20,}"),
    ("PlanetScale", r"pscale_[a-z]{2,5}_[\w-]{32,}"),
    ("Neon", r"napi_[a-z0-9]{60,}"),
    ("Vercel", r"vc[a-z]_[A-Za-z0-9]{56}"),
    ("Netlify", r"nfp_[A-Za-z0-9]{36,}"),
    ("Cloudflare", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    ("Cloudflare", r"cf[a-z]{1,2}_[A-Za-z0-9]{40,}"),
    ("Heroku", r"HRKU-[\w-]{30,}"),
    ("Pulumi", r"pul-[a-f0-9]{40}"),
    ("Doppler", r"dp\.[a-z]{2,5}\.[\w.-]{40,}"),
    ("DigitalOcean", r"dose[a-f0-9]{32}"),
    ("Tailscale", r"tskey-[\w-]{20,}"),
    ("Microsoft Entra", r"[\w.~-]{3}\dQ~[\w.~-]{31,}"),
    ("1Password", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
    ("Postman", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    ("Notion", r"ntn_[A-Za-z0-9]{40,}"),
    ("Linear", r"lin_[a-z]{3,5}_\w{30,}"),
    ("Figma", r"fig[a-z]_[\w-]{40,}"),
    ("Airtable", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    ("Brevo", r"x(?:key|smtp)sib-[a-f0-9]{64}-\w{16}"),
    ("Resend", r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}"),
    ("Mailgun", r"key-(?<!-key-)[a-f0-9]{32}"),
    ("Mailchimp, Mailgun", r"[0-9a-f]{32}-(?:us\d{1,2}|[0-9a-f]{8}-[0-9a-f]{8})(?![\w-])"),
    ("Square", r"sq0[a-z]{3}-[\w-]{20,}"),
    ("Razorpay", r"rzp_(?:live|test)_[A-Za-z0-9]{14,}"),
    ("Plaid", rf"access-(?:sandbox|development|production)-{_UUID}"),
    ("Braintree, PayPal", r"access_token\$(?:sandbox|production)\$\w{16}\$[a-f0-9]{32}"),
    ("LinkedIn", r"WPL_AP1\.[\w.]{20,}={0,2}"),
    ("Discord", r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),
    ("Slack", r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/]+"),
    ("Zapier", r"hooks\.zapier\.com/hooks/[\w/]+"),
    ("Discord", r"discord(?:app)?\.com/api/webhooks/[\w/-]+"),
    ("Microsoft Teams", r"webhook\.office\.com/webhookb2/[^\s\"'<>]+"),
)


def _alternatives(table: Iterable[tuple[str, str]]) -> str:
    """Return one pattern for all of *table*, grouped by first letters so that few are tried."""
    groups: dict[str, list[str]] = {}
    for _, pattern in table:
        first = pattern[0] if pattern[0].isalpha() else ""
        groups.setdefault(first, []).append(pattern[len(first) :])
    return "|".join(f"{first}(?:{'|'.join(rests)})" for first, rests in groups.items())


# A word begins, also after an escaped line end, a terminal colour, or a percent-encoded byte.
_WORD_START = r"(?<![A-Za-z0-9])"
_WORD_START_OR_ESCAPE = rf"(?:{_WORD_START}|(?<=\\[nrt])|(?<=[\d\[;]m)|(?<=%[0-9A-Fa-f]{{2}}))"
_WORD_TOKENS = _alternatives(TOKENS_AT_WORD_START)
_TOKEN_ANYWHERE = LazyPattern(_alternatives(TOKENS_ANYWHERE), re.ASCII)
_TOKEN_AT_WORD_START = LazyPattern(rf"{_WORD_START}(?:{_WORD_TOKENS})", re.ASCII)
_TOKEN_AFTER_ESCAPE = LazyPattern(rf"{_WORD_START_OR_ESCAPE}(?:{_WORD_TOKENS})", re.ASCII)
_ESCAPES = "\\%\x1b"


def without_tokens(text: str, marker: str) -> str:
    """Return *text* with *marker* in the place of each token."""
    # No token has a blank, and in most texts no word is long enough.
    words = {word for word in text.split() if len(word) >= _MIN_TOKEN_LENGTH}
    if not words:
        return text
    at_word_start = (
        _TOKEN_AFTER_ESCAPE if any(map(text.__contains__, _ESCAPES)) else _TOKEN_AT_WORD_START
    )
    for tokens in (_TOKEN_ANYWHERE, at_word_start):
        if any(map(tokens.re.search, words)):
            text = tokens.re.sub(
                lambda match: match[0] if _is_encoded_json(match[0]) else marker, text
            )
    return text


def _is_encoded_json(token: str) -> bool:
    """Tell whether *token* is JSON in base64 and not a JSON Web Token, which has dots."""
    return token.startswith("eyJ") and "." not in token


# Secrets by their keys, and by their form.

SECRET_MARKER = "[redacted:secret]"  # noqa: S105 - a marker, not a secret

_SENSITIVE_NAMES = (
    r"pass(?:word|wd|phrase|code|wort)|kennwort|contrase(?:ñ|n)a|senha|pwd|secret|token|jwt|bearer"
    r"|credential|(?:access|account|admin|api|app(?:lication)?|auth|deploy|encryption|ingest(?:ion)?"
    r"|instrumentation|licen[cs]e|master|private|session|shared|signing|ssh|storage|subscription"
    r"|write)[ _.-]?key|authorization|cookie|connection[ _.-]?string"
    r"|(?:backup|recovery|seed)[ _.-]?(?:code|phrase)"
)
# A part of each name, for a cheap first test.
_SENSITIVE_NAME_PARTS = (
    *("pass", "wort", "contrase", "senha", "pwd", "secret", "token", "jwt", "bearer", "credential"),
    *("key", "authorization", "cookie", "string", "sig", "backup", "recovery", "seed"),
)
# A key is sensitive if it contains one of these words, unless its last word shows that the value
# only describes the secret (`_METADATA_WORDS`).
_SENSITIVE_KEY = LazyPattern(
    rf"(?:{_SENSITIVE_NAMES}|\botp)s?(?![^\W\d_])"
    r"|passw(?:or)?d(?!less)|passphrase|apikey|accesskey|privatekey|secretkey|authtoken|accesstoken"
    r"|refreshtoken|clientsecret|(?:db|database|smtp|ftp|mysql|postgres|proxy|user|admin)[ ]pass\b"
)
# The tokens of language models.
_COUNTED_TOKENS = LazyPattern(
    r"\btokens\b|\b(?:cached|completion|first|input|last|output|per|prompt|reasoning) token\b"
    r"|\btoken per\b"
)
# The value is whether there is a secret.
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
# Values in text that are the status of a secret.
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
# A URL has one authority, which ends at the next slash: no text is matched twice.
_USERINFO = LazyPattern(r"""://[^\s/?#"<>]*@""")
_QUOTED = r"""\\"[^"]*"?|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?"""
_ASSIGNMENT_SIGN = r"""["'\\]{0,2}\s{0,3}(?:=>|:=|[:=])\s{0,3}"""
# A key and its sign. The value is matched separately, so that it never hides the next key.
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
# Names consist of words, numbers and hashes; random text does not.
_PIECE = LazyPattern(r"[0-9a-f]{8,}|[0-9A-F]{8,}|[A-Z]?[a-z]+|[A-Z]{1,4}|[0-9]+")
# Digests with a prefix (Subresource Integrity, section 3.1) look as random as keys.
_DIGEST_PREFIXES = ("sha256-", "sha384-", "sha512-")
_MIN_RUN_LENGTH = 32
_AWS_SECRET_LENGTH = 40


def is_sensitive_key(key: str) -> bool:
    """Tell whether *key* names a secret."""
    words = (
        _SEPARATORS.re.sub(" ", _CASE_CHANGE.re.sub(" ", key.replace(SECRET_MARKER, "")))
        .lower()
        .strip()
    )
    # "tokens" is a number of tokens, but "cookies" is a list of secrets.
    return (
        _SENSITIVE_KEY.re.search(_COUNTED_TOKENS.re.sub("", words)) is not None
        and _YES_OR_NO_WORDS.re.search(words) is None
        and words.rpartition(" ")[2] not in _METADATA_WORDS
    )


def without_secrets(text: str) -> str:
    """Return *text* with a marker in the place of each secret."""
    if len(text) < 8 or (len(text) < 16 and text.isalnum()):
        return text
    if "PRIVATE KEY" in text:
        text = _PEM.re.sub(SECRET_MARKER, text)
    if "://" in text and "@" in text:
        text = _USERINFO.re.sub(f"://{SECRET_MARKER}@", text)
    if any(map(text.__contains__, "=:-<")) and any(
        map(text.lower().__contains__, _SENSITIVE_NAME_PARTS)
    ):
        text = _redact_values(text, _HEADER, _HEADER_VALUE)
        text = _redact_values(text, _ASSIGNMENT, _VALUE)
        text = _redact_values(text, _OPTION, _VALUE)
        if "</" in text:
            text = _redact_values(text, _ELEMENT, _ELEMENT_VALUE)
    if " " in text:
        text = _CREDENTIALS.re.sub(_redact_credentials, text)
    text = without_tokens(text, SECRET_MARKER)
    return _LONG_RUN.re.sub(_redact_random_run, text) if len(text) >= _MIN_RUN_LENGTH else text


def _redact_values(text: str, keys: LazyPattern, values: LazyPattern) -> str:
    """Return *text* with a marker in the place of each sensitive value; its quotes stay."""
    parts: list[str] = []
    done = 0
    for key in keys.re.finditer(text):
        if key.start() < done or not (keys is _HEADER or _is_sensitive_key_in_text(key[1])):
            continue
        value = values.re.match(text, key.end())
        if value is not None and value[0].strip("\\\"'.,;)]}").lower() not in _STATUS_VALUES:
            quote = next((sign for sign in _QUOTES if value[0].startswith(sign)), "")
            parts += text[done : key.end()], quote, SECRET_MARKER, quote
            done = value.end()
    return "".join(parts) + text[done:] if parts else text


def _is_sensitive_key_in_text(key: str) -> bool:
    return key.lower() in {"sig", "signature"} or is_sensitive_key(key)


def _redact_credentials(match: re.Match[str]) -> str:
    scheme, value = match.groups()
    if scheme.lower() == "basic":
        is_secret = _is_user_and_password(value)
    else:
        is_secret = len(value) >= 20 or not value.isalpha()
    return f"{scheme} {SECRET_MARKER}" if is_secret else match[0]


def _is_user_and_password(value: str) -> bool:
    """Tell whether *value* is the base64 of ``user:password`` (RFC 7617)."""
    try:
        return b":" in a2b_base64(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
    except Base64Error:
        return False


def _redact_random_run(match: re.Match[str]) -> str:
    run = match[0]
    if run.startswith(_DIGEST_PREFIXES):
        return run
    # The whole run first: base64 has slashes too, and no part of a key may stay.
    if _is_random(run):
        return SECRET_MARKER
    return "/".join(
        SECRET_MARKER if len(part) >= _MIN_RUN_LENGTH and _is_random(part) else part
        for part in run.split("/")
    )


def _is_random(run: str) -> bool:
    """Tell whether *run* mixes upper case, lower case and digits as random text does."""
    pieces = _PIECE.re.findall(run)
    letters = "".join(pieces)
    if letters.islower() or letters.isupper() or letters.isalpha() or letters.isdigit():
        return False
    # 99 of 100 random runs of 32 characters have pieces this short; paths and identifiers have not.
    # Secret keys of AWS have a length of their own, which allows a higher bound.
    return len(letters) <= len(pieces) * (2.9 if len(run) == _AWS_SECRET_LENGTH else 2.6)


# Personal data: e-mail addresses, URLs, home directories.

EMAIL_MARKER = "[redacted:email]"

# Punctuation of other scripts ends an address. The joiners U+200C and U+200D are part of words.
_FOREIGN_PUNCTUATION = (
    r"\u00a0-\u00a9\u00ab\u00bb\u2000-\u200b\u200e-\u206f\u3000\u3001\u3003-\u303f"
    r"\uff00-\uff0d\uff1a-\uff20"
)
_LOCAL_CHARACTER = rf"""[^\s\x00-\x20\x7f()<>\[\]:;,"\\/=?&@{_FOREIGN_PUNCTUATION}\u3002]"""
_LABEL_CHARACTER = (
    rf"[^\s\x00-\x2c./\x3a-\x40\x5b-\x60\x7b-\x7f{_FOREIGN_PUNCTUATION}\u3002\uff0e\uff61]"
)
_DOT = r"[.\u3002\uff0e\uff61]"
# A local part starts where no character of one precedes it, and a domain after an @: no text is
# matched twice.
_EMAIL = LazyPattern(
    rf"""(?:(?<!{_LOCAL_CHARACTER}){_LOCAL_CHARACTER}+|"[^"\r\n]{{1,64}}")(?:@|%40)"""
    rf"(?:(?:{_LABEL_CHARACTER}{{1,63}}{_DOT})+(?=[^\W\d_]){_LABEL_CHARACTER}{{2,63}}"
    r"|\[(?:IPv6:)?[0-9A-Fa-f.:]{3,45}\])"
)

_QUERY_OR_FRAGMENT = r"[?#][^\s\"<>]*"
_URL = LazyPattern(
    rf"(://)(?:[^\s/?#\"<>]*@)?([^\s?#\"<>]*)(?:{_QUERY_OR_FRAGMENT})?"
    # A reference without a scheme, at the beginning of a word.
    rf"|(?<![\w.~%/-])((?:/|www\.)[^\s?#\"<>]*)(?:{_QUERY_OR_FRAGMENT})?",
    re.IGNORECASE,
)

_USER_NAME = r"[^\s/\\:\"'<>|*?,;()\[\]{}&#=]+"
_SLASH = r"(?:\\{0,2}/){1,4}"  # JSON may escape a slash
# Directories below which the homes of other machines and containers are mounted.
_MOUNT_POINT = (
    rf"(?:{_SLASH}(?:var|usr|export|mnt|net|nfs|srv|data|host|hostfs|rootfs|private|remote|chroot)"
    rf"|{_SLASH}(?:Volumes|media)/[^\s/\\:\"'<>]{{1,64}}|{_SLASH}System/Volumes/Data){{0,3}}"
)
# Where an absolute path can start: "https://example.com/home/news" and "src/home/" are not homes.
# A compiler's option, an escaped line end, a terminal colour or ".." may precede it.
_PATH_START = (
    r"(?:(?<![\w.~}/\\-])|(?<=-[A-Za-z])|(?<=\\[nrt])|(?<=[\d\[;]m)|(?<=\.\.)"
    r"|(?<=file://)|(?<=//localhost))"
)
_UNIX_HOME = (
    rf"{_PATH_START}(?:{_MOUNT_POINT}{_SLASH}(?:home|Users){_SLASH}{_USER_NAME}|{_SLASH}root(?![\w.-]))"
    r"|(?<![\w~.%/-])~[A-Za-z_][\w.-]{0,63}(?=/)"
)
# A name may contain blanks if a separator ends it.
_WINDOWS_USER_NAME = rf"(?:[^\\/:*?\"<>|\r\n]{{1,64}}(?=[\\/])|{_USER_NAME})"
_WINDOWS_HOME = (
    r"(?:[A-Za-z](?::|%3A|\|)[\\/]{1,4}|(?:/mnt|/cygdrive)?/[A-Za-z]/"
    r"|\\{2,4}[^\s\\/:*?\"<>|]{1,64}\\{1,2}(?:[A-Za-z]\$\\{1,2})?)"
    rf"(?:Users|Documents(?: |%20)and(?: |%20)Settings)[\\/]{{1,4}}{_WINDOWS_USER_NAME}"
)
_HOME_PATH_PARTS = ("home", "users", "root", "settings")
_HOME = LazyPattern(rf"(file:/{{2,3}}(?:localhost(?=/))?)?(?:(?i:/?{_WINDOWS_HOME})|{_UNIX_HOME})")


def without_emails(text: str) -> str:
    """Return *text* with a marker in the place of each e-mail address."""
    if "@" not in text and "%40" not in text:
        return text
    return _EMAIL.re.sub(EMAIL_MARKER, text)


def without_url_queries(text: str) -> str:
    """Return *text* with its URLs reduced to scheme, host, port and path."""
    if "?" not in text and "#" not in text and "@" not in text:
        return text
    return _URL.re.sub(lambda match: (match[1] or "") + (match[2] or "") + (match[3] or ""), text)


def without_homes(own: str) -> Callable[[str], str]:
    """Return a function that puts ``~`` in the place of each home directory in a text.

    Args:
        own: The home directory of the current user, at any path.
    """
    own = own.rstrip("/\\")
    own_home = LazyPattern(rf"{_PATH_START}{re.escape(own)}(?![\w.-])") if len(own) > 1 else None

    def replace(text: str) -> str:
        if "/" not in text and "\\" not in text:
            return text
        if own_home is not None and own in text:
            text = own_home.re.sub("~", text)
        lower = text.lower()  # a cheap first test
        if "~" not in text and not any(map(lower.__contains__, _HOME_PATH_PARTS)):
            return text
        return _HOME.re.sub(lambda match: f"{match[1] or ''}~", text)

    return replace
