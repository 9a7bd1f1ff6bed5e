"""What the keys and tokens of services look like: most begin as no other text does.

Every pattern is linear by construction, as in `secrets`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from otel_telemetry.trust.patterns import Pattern

_SHORTEST = 15
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


def _any_of(patterns: Iterable[str]) -> str:
    """Join *patterns* by their first letters: few need be tried where none begins."""
    groups: dict[str, list[str]] = {}
    for pattern in patterns:
        first = pattern[0] if pattern[0].isalpha() else ""
        groups.setdefault(first, []).append(pattern[len(first) :])
    return "|".join(f"{first}(?:{'|'.join(rests)})" for first, rests in groups.items())


# A word begins; or what stands before it is an escaped line end, a colour, or a quoted byte.
_BEGINNING = r"(?<![A-Za-z0-9])"
_BEGINNING_AFTER = rf"(?:{_BEGINNING}|(?<=\\[nrt])|(?<=[\d\[;]m)|(?<=%[0-9A-Fa-f]{{2}}))"
_TOKENS = _any_of(_BEGINNING_A_WORD)
_ANYWHERE = Pattern(_any_of(_UNMISTAKABLE), re.ASCII)
_AT_A_START = Pattern(rf"{_BEGINNING}(?:{_TOKENS})", re.ASCII)
_AFTER_AN_ESCAPE = Pattern(rf"{_BEGINNING_AFTER}(?:{_TOKENS})", re.ASCII)
_ESCAPES = "\\%\x1b"


def without_issued(text: str, marker: str) -> str:
    """Return *text* with a *marker* for every token."""
    # There is no blank in any, and of most texts no word is as long.
    words = {word for word in text.split() if len(word) >= _SHORTEST}
    if not words:
        return text
    after_start = _AFTER_AN_ESCAPE if any(map(text.__contains__, _ESCAPES)) else _AT_A_START
    for tokens in (_ANYWHERE, after_start):
        if any(map(tokens.re.search, words)):
            text = tokens.re.sub(lambda found: found[0] if _is_json(found[0]) else marker, text)
    return text


def _is_json(found: str) -> bool:
    """Tell whether this is encoded JSON, but no token: those have parts."""
    return found.startswith("eyJ") and "." not in found
