"""What the keys and tokens of services look like: most begin as no other text does.

Every pattern is linear by construction, as in `secrets`.
"""

from __future__ import annotations

import re

from otel_telemetry.trust.patterns import Pattern

_SHORTEST = 15
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# Their beginnings are no part of any word.
_ANYWHERE = Pattern(
    r"eyJ[\w-]{10}[\w.=-]*"  # JSON Web Token, encrypted or not
    r"|(?:AKIA|ASIA)[A-Z0-9]{16,}"  # AWS
    r"|A(?:Iza[\w-]{33,}|T(?:ATT|CTT|BB)[\w=-]{28,}|GE-SECRET-KEY-1[A-Z0-9]{40,})"
    r"|ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|g(?:h[pousr]_[A-Za-z0-9]{20,}|ithub_pat_\w{20,})"  # GitHub
    r"|gl(?:pat|ptt|dt|rt|rtr|cbt|soat|ft|ffct|imt|agent|oas)-[\w.-]{20,}"  # GitLab
    r"|x(?:ox[a-z]|app)-[A-Za-z0-9-]{10,}"  # Slack
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/]{20,}=*"  # Stripe
    r"|pypi-AgE[\w-]{50,}|SG\.[\w-]{16}[\w.-]{16,}|dop?[or]?_v1_[a-f0-9]{40,}"  # SendGrid, …
    r"|dapi[a-f0-9]{32,}|dckr_[a-z]at_[\w-]{20,}|hv[sbr]\.[\w-]{24,}"
    r"|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32,}|SK[a-f0-9]{32}"  # Shopify, Twilio
    r"|\d{8,10}:AA[\w-]{32,}",  # Telegram
    re.ASCII,
)
# The beginnings of these may end a word.
_TOKENS = (
    r"s(?:k-(?=[\w-]{0,48}\d)[\w-]{20,}"  # OpenAI, Anthropic, and those who do as they
    r"|k_[a-f0-9]{48}|ntry[a-z]_[\w+/=-]{32,}|nyk_[a-z]{3}\.[\w.-]{20,}"  # Sentry, Snyk
    r"|q0[a-z]{3}-[\w-]{20,}|q[apu]_[a-f0-9]{40}|gp_[a-f0-9_]{40,}"  # Square, Sonar, Sourcegraph
    rf"|b(?:p_[a-f0-9]{{40}}|_secret_[\w-]{{20,}})|dk-{_UUID})"  # Supabase, LaunchDarkly
    r"|h(?:f_[A-Za-z0-9]{30,}|c[a-z]{2}k_[a-z0-9]{40,})|api_org_[A-Za-z0-9]{30,}"  # Hugging Face
    r"|n(?:pm_[A-Za-z0-9]{36,}|fp_[A-Za-z0-9]{36,}|tn_[A-Za-z0-9]{40,}|api_[a-z0-9]{60,}"
    r"|vapi-[\w-]{40,})|NR(?:AK|AA|II|IQ|JS|RA|SP)-[\w-]{15,}"  # New Relic
    r"|(?:[0-9a-f]{36}|[a-z]{2}\d\dxx[0-9a-f]{30})NRAL"
    r"|g(?:sk_[A-Za-z0-9]{40,}|lsa_[A-Za-z0-9]{32}_[a-f0-9]{8}|lc_eyJ[\w+/=-]{30,})"  # Grafana
    r"|p(?:plx-[A-Za-z0-9]{40,}|csk_\w{40,}|h[arsx]_[A-Za-z0-9]{40,}|ul-[a-f0-9]{40}"
    r"|at[A-Za-z0-9]{14}\.[a-f0-9]{64}|scale_[a-z]{2,5}_[\w-]{32,})|PMAK-[a-f0-9]{24}-[a-f0-9]{34}"
    r"|x(?:ai-[A-Za-z0-9]{60,}|(?:key|smtp)sib-[a-f0-9]{64}-\w{16})"
    r"|r(?:8_[A-Za-z0-9]{37}|e_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}|ubygems_[a-f0-9]{48}"
    r"|zp_(?:live|test)_[A-Za-z0-9]{14,})|l(?:in_[a-z]{3,5}_\w{30,}|sv2_[a-z]{2}_[a-f0-9_]{42,})"
    r"|t(?:vly-[\w-]{24,}|skey-[\w-]{20,})|f(?:w_[A-Za-z0-9]{24}(?![A-Za-z0-9])|ig[a-z]_[\w-]{40,})"
    r"|d(?:p\.[a-z]{2,5}\.[\w.-]{40,}|t0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}|ose[a-f0-9]{32})"
    r"|c(?:io[A-Za-z0-9]{32}(?![A-Za-z0-9])|f[a-z]{1,2}_[A-Za-z0-9]{40,})|CLOJARS_[a-z0-9]{60}"
    r"|oy2[a-z0-9]{43}|HRKU-[\w-]{30,}|GR1348941[\w-]{20,}|WPL_AP1\.[\w.]{20,}={0,2}"
    r"|v(?:c[a-z]_[A-Za-z0-9]{56}|1\.0-[a-f0-9]{24}-[a-f0-9]{146})"  # Vercel, Cloudflare
    rf"|access(?:-(?:sandbox|development|production)-{_UUID}"  # Plaid
    r"|_token\$(?:sandbox|production)\$\w{16}\$[a-f0-9]{32})"  # Braintree, PayPal
    r"|key-(?<!-key-)[a-f0-9]{32}"  # Mailgun, and Mailchimp
    r"|[0-9a-f]{32}-(?:us\d{1,2}|[0-9a-f]{8}-[0-9a-f]{8})(?![\w-])"
    r"|A(?:Q\.A[\w-]{40,}|3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3})"
    r"|[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}"  # Discord
    r"|hooks\.slack\.com/(?:services|workflows|triggers)/[\w/]+|hooks\.zapier\.com/hooks/[\w/]+"
    r"|discord(?:app)?\.com/api/webhooks/[\w/-]+|webhook\.office\.com/webhookb2/[^\s\"'<>]+"
    r"|[\w.~-]{3}\dQ~[\w.~-]{31,}"  # Microsoft Entra
)
# A word begins; or what stands before it is an escaped line end, a colour, or a quoted byte.
_BEGINNING = r"(?<![A-Za-z0-9])"
_BEGINNING_AFTER = rf"(?:{_BEGINNING}|(?<=\\[nrt])|(?<=[\d\[;]m)|(?<=%[0-9A-Fa-f]{{2}}))"
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
