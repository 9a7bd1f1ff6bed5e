"""The keys and tokens of services go, whatever stands around them; what only begins so stays."""

from __future__ import annotations

import time

import pytest

from otel_telemetry.hooks._patterns import without_issued

_HEX = "0123456789abcdef" * 10
_MIXED = "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zC0" * 5
_UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.mark.parametrize(
    "token",
    [
        *(f"github_pat_{_MIXED[:22]}_{_MIXED[:59]}", f"ghs_{_MIXED[:36]}"),
        *(f"glft-{_MIXED[:20]}", f"glagent-{_MIXED[:50]}", f"GR1348941{_MIXED[:20]}"),
        *(f"sk-svcacct-{_MIXED[:60]}", f"sk-ant-oat01-{_MIXED[:93]}", f"sk-or-v1-{_HEX[:64]}"),
        *(f"gsk_{_MIXED[:52]}", f"pplx-{_MIXED[:48]}", f"xai-{_MIXED[:80]}", f"r8_{_MIXED[:37]}"),
        *(f"AIza{_MIXED[:35]}", f"AQ.Ab8{_MIXED[:44]}", f"sk_{_HEX[:48]}", f"nvapi-{_MIXED[:64]}"),
        *(f"api_org_{_MIXED[:34]}", f"lsv2_pt_{_HEX[:32]}_{_HEX[:10]}", f"fw_{_MIXED[:24]}"),
        *("NRAK-" + "A1B2C3D4E" * 3, f"{_HEX[:36]}NRAL", f"eu01xx{_HEX[:30]}NRAL"),
        *(f"sntryu_{_HEX[:64]}", f"glsa_{_MIXED[:32]}_{_HEX[:8]}", f"hcaik_{'a0' * 29}"),
        *(f"dt0c01.{'A1' * 12}.{'B2' * 32}", f"tskey-api-{_MIXED[:44]}", f"phx_{_MIXED[:43]}"),
        *(f"abc8Q~{_MIXED[:34]}", f"~-_7Q~{_MIXED[:34]}", f"pul-{_HEX[:40]}", f"sqp_{_HEX[:40]}"),
        *(f"ATBB{_MIXED[:32]}", f"lin_api_{_MIXED[:40]}", f"ntn_{_MIXED[:46]}"),
        *(f"pat{_MIXED[:14]}.{_HEX[:64]}", f"PMAK-{_HEX[:24]}-{_HEX[:34]}", f"oy2{'a0' * 21}b"),
        *(f"{_HEX[:32]}-us12", f"{_HEX[:32]}-{_HEX[:8]}-{_HEX[:8]}", f"rubygems_{_HEX[:48]}"),
        *(f"xkeysib-{_HEX[:64]}-{_MIXED[:16]}", f"re_{_MIXED[:8]}_{_MIXED[:24]}"),
        *(
            f"sq0atp-{_MIXED[:22]}",
            f"rzp_live_{_MIXED[:14]}",
            f"WPL_AP1.{_MIXED[:16]}.{_MIXED[:8]}",
        ),
        *(f"access-production-{_UUID}", f"access_token$sandbox${'a0' * 8}${_HEX[:32]}"),
        *(
            f"sdk-{_UUID}",
            f"sbp_{_HEX[:40]}",
            f"v1.0-{_HEX[:24]}-{_HEX[:146]}",
            f"cio{_MIXED[:32]}",
        ),
        "A3-ASWWYB-798JRYLJVD4-23DC2-86TVM-H43EB",
        f"discord.com/api/webhooks/123456789012345678/{_MIXED[:68]}",
        f"webhook.office.com/webhookb2/{_UUID}@{_UUID}/IncomingWebhook/{_HEX[:32]}/{_UUID}",
        "hooks.slack.com/triggers/T0000/123/abc",
    ],
)
def test_tokens_go(token: str) -> None:
    """Alone, in a URL, in JSON, after an escaped line end, a colour, or a quoted byte."""
    for before in ("", "x ", "a=", '{"b":"', "x_", "(", "\\n", "\x1b[0m", "%3D", "https://"):
        left = without_issued(f"{before}{token}", "[gone]")

        assert token[-6:] not in left
        assert "[gone]" in left


@pytest.mark.parametrize(
    "text",
    [
        *(f"eyJ{_MIXED[:30]}", f"risk-{_MIXED[:30]}", f"etag-key-{_HEX[:32]}", "sk-SK, sk-button"),
        *(f"00-{_HEX[:32]}-{_HEX[:16]}-01", _UUID, f"build-{_HEX[:40]}", f"{_HEX[:32]}-usable"),
        *("npm_config_user_agent npm_lifecycle_event", "api::admin.api-token-permission"),
        *(
            "cus_NffrFeUfNV2HibXXXXXXXXXXXX",
            "pk_live_51abcdefghijklmnopqrstuv",
            "chatcmpl-9abcDEF1",
        ),
        *("https://discord.com/channels/123", "linear_interpolation_of_values", "re_export_of_all"),
        *("claude-3-5-sonnet-20241022", "meta-llama/Llama-3.1-8B-Instruct", "figma_plugin_opened"),
    ],
)
def test_what_only_begins_so_stays(text: str) -> None:
    """Ids, hashes, models, names: with what a token begins with, or without."""
    assert without_issued(text, "[gone]") == text


@pytest.mark.parametrize(
    "unit",
    [
        "eyJ",
        "eyJaaaaaaaaaa-",
        "sk-a",
        "M" + "a" * 23 + ".",
        "a7Q~",
        _HEX[:35] + "-",
        "dp.aa.",
        "\\n",
    ],
)
def test_time_grows_as_the_text_does(unit: str) -> None:
    """Of beginnings alone, too: a quarter of a megabyte takes no longer than it must."""
    text = unit * (250_000 // len(unit))
    began = time.process_time()

    without_issued(text, "[gone]")

    assert time.process_time() - began < 5  # quadratic, it would take twenty
