"""The patterns of secrets and personal data: texts that they find, and similar texts that stay."""

from __future__ import annotations

import base64
import random
import re
import string
import time

import pytest

from otel_telemetry.hooks._patterns import (
    EMAIL_MARKER,
    SECRET_MARKER,
    TOKENS_ANYWHERE,
    TOKENS_AT_WORD_START,
    is_sensitive_key,
    without_emails,
    without_homes,
    without_secrets,
    without_tokens,
    without_url_queries,
)

_HEX = "0123456789abcdef" * 10
_MIXED = "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zC0" * 5
_UUID = "550e8400-e29b-41d4-a716-446655440000"


# At least one made-up example for each row of the tables.
_TOKENS = (
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
    *(f"ASIA{'A1' * 8}", f"GOCSPX-{_MIXED[:28]}", f"ya29.{_MIXED[:40]}"),
    *(f"pcsk_{_MIXED[:60]}", f"tvly-{_MIXED[:32]}", f"CLOJARS_{_HEX[:60]}"),
    *(f"snyk_uat.{_MIXED[:40]}", f"sgp_{_HEX[:40]}", f"glc_eyJ{_MIXED[:40]}"),
    *(f"sb_secret_{_MIXED[:31]}", f"pscale_tkn_{_MIXED[:43]}", f"napi_{_HEX[:64]}"),
    *(f"vcp_{_MIXED[:56]}", f"nfp_{_MIXED[:40]}", f"cfut_{_MIXED[:48]}"),
    *(f"HRKU-{_MIXED[:60]}", f"dp.st.{_MIXED[:43]}", f"dose{_HEX[:32]}"),
    *(f"figd_{_MIXED[:43]}", f"M{_MIXED[:25]}.{_MIXED[:6]}.{_MIXED[:38]}"),
    "hooks.zapier.com/hooks/catch/123456/abcdef/",
)


@pytest.mark.parametrize("token", _TOKENS)
def test_tokens_are_replaced(token: str) -> None:
    """Alone, in a URL, in JSON, after an escaped line end, a colour, or a percent-encoded byte."""
    for before in ("", "x ", "a=", '{"b":"', "x_", "(", "\\n", "\x1b[0m", "%3D", "https://"):
        left = without_tokens(f"{before}{token}", "[gone]")

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
def test_texts_with_the_prefix_of_a_token_stay(text: str) -> None:
    """Ids, hashes, names of models and functions."""
    assert without_tokens(text, "[gone]") == text


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
def test_time_is_linear_in_the_number_of_prefixes(unit: str) -> None:
    """For a quarter of a megabyte of prefixes without a token."""
    text = unit * (250_000 // len(unit))
    began = time.process_time()

    without_tokens(text, "[gone]")

    assert time.process_time() - began < 5  # quadratic, it would take twenty


_PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEow\nabc=\n-----END {0}PRIVATE KEY-----"


_SECRETS = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "eyJhbGciOiJSU0EtT0FFUCJ9..iv.text.tag",
    "ghp_" + "a1" * 18,
    "github_pat_" + "a1_" * 12,
    "glpat-" + "x" * 20,
    "xoxb-1234567890-abcdefghij",
    "https://hooks.slack.com/services/T000/B000/XXXX",
    "AIzaSyA-" + "b" * 32,
    "ya29." + "c" * 30,
    "sk_live_" + "d" * 24,
    "whsec_" + "e" * 32,
    "sk-proj-abcdefghij0123456789",
    "sk-ant-api03-" + "f" * 40,
    "hf_" + "g" * 34,
    "npm_" + "h" * 36,
    "pypi-AgEIcHlwaS5vcmc" + "i" * 60,
    "SG." + "j" * 22 + "." + "k" * 43,
    "dop_v1_" + "0" * 64,
    "dapi" + "0" * 32,
    "dckr_pat_" + "m" * 27,
    "hvs." + "n" * 24,
    "shpat_" + "0" * 32,
    "SK" + "0" * 32,
    "key-" + "0" * 32,
    "123456789:AA" + "p" * 33,
    "AGE-SECRET-KEY-1" + "Q" * 58,
    _PEM.format(""),
    _PEM.format("RSA "),
    _PEM.format("ENCRYPTED ").replace("\n", "\\n"),
    _PEM.format("OPENSSH ").partition("-----END")[0],
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK-----",
)


@pytest.mark.parametrize(
    ("service", "pattern"),
    [*TOKENS_ANYWHERE, *TOKENS_AT_WORD_START],
    ids=[service for service, _ in (*TOKENS_ANYWHERE, *TOKENS_AT_WORD_START)],
)
def test_every_token_pattern_has_an_example(service: str, pattern: str) -> None:
    """A row without an example is not tested by the other tests of tokens."""
    expression = re.compile(pattern, re.ASCII)

    assert any(expression.search(token) for token in (*_TOKENS, *_SECRETS)), service


@pytest.mark.parametrize("secret", _SECRETS)
def test_secrets_are_found_by_their_form(secret: str) -> None:
    """Alone, within longer text, and in a row."""
    essential = secret[-8:]

    for text in (secret, f"a {secret}", f"({secret})", f"x_{secret}, {secret}"):
        assert essential not in without_secrets(text)
        assert SECRET_MARKER in without_secrets(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password=hunter2 port=5", f"password={SECRET_MARKER} port=5"),
        ("PGPASSWORD=hunter2", f"PGPASSWORD={SECRET_MARKER}"),
        ("userPassword: hunter2", f"userPassword: {SECRET_MARKER}"),
        ('{"token": "a b", "page": 2}', f'{{"token": "{SECRET_MARKER}", "page": 2}}'),
        ("{'api_key': 'a\\'b', 'page': 2}", f"{{'api_key': '{SECRET_MARKER}', 'page': 2}}"),
        (
            r"{\"secret\": \"a b\", \"page\": 2}",
            rf"{{\"secret\": \"{SECRET_MARKER}\", \"page\": 2}}",
        ),
        ('secret := "never closed', f'secret := "{SECRET_MARKER}"'),
        ("x?token=abc&page=2&sig=a%2Fb", f"x?token={SECRET_MARKER}&page=2&sig={SECRET_MARKER}"),
        ("X-Amz-Signature=abc", f"X-Amz-Signature={SECRET_MARKER}"),
        ("Authorization: Digest a=b, c\nHost: x", f"Authorization: {SECRET_MARKER}\nHost: x"),
        ("Set-Cookie: a=b; Path=/\r\nHost: x", f"Set-Cookie: {SECRET_MARKER}\r\nHost: x"),
        ("run --db-password hunter2 --port 3", f"run --db-password {SECRET_MARKER} --port 3"),
        ("run --api-key 'a b' now", f"run --api-key '{SECRET_MARKER}' now"),
        ("tokens: password=hunter2", f"tokens: password={SECRET_MARKER}"),
        ("Bearer abc.def", f"Bearer {SECRET_MARKER}"),
        ("bearer abcdefghijklmnopqrstuvwxyz", f"bearer {SECRET_MARKER}"),
        ("-Password hunter2 -Port 3", f"-Password {SECRET_MARKER} -Port 3"),
        ("<a:password>hunter2</a:password>", f"<a:password>{SECRET_MARKER}</a:password>"),
        ('<token kind="x">a b</token>', f'<token kind="x">{SECRET_MARKER}</token>'),
        (
            "DD_APP_KEY=abc LICENSE_KEY: abc",
            f"DD_APP_KEY={SECRET_MARKER} LICENSE_KEY: {SECRET_MARKER}",
        ),
        ("SSWS 00abcdefghijklmnopqrst", f"SSWS {SECRET_MARKER}"),
        ("Basic dXNlcjpwYXNz", f"Basic {SECRET_MARKER}"),
        ("Basic dTpwYXNzd29yZA==", f"Basic {SECRET_MARKER}"),
        ("postgres://u:p@ss@db:5/x?y", f"postgres://{SECRET_MARKER}@db:5/x?y"),
        ("https://ghost@example.com", f"https://{SECRET_MARKER}@example.com"),
    ],
)
def test_values_of_sensitive_keys_are_replaced_and_the_rest_stays(text: str, left: str) -> None:
    """A second pass changes nothing."""
    assert without_secrets(text) == left
    assert without_secrets(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "",
        "didCreateEntry",
        "the secret of a good password is its length",
        "max_tokens=100, token_count: 5, password_length=12",
        "design: sign: resign=yes, tokenizer: fast, secretary: yes",
        "password=",
        "password: required, token=None; secret: 'missing', {\"token\": null}, authorization: none",
        "InvalidToken: expired. Unexpected token: }",
        "<password></password>, <tokens>5</tokens>, -token-count 5",
        "integrity=sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC",
        "?token=&secret=&page=2",
        "token://host, --tokens 5, --token-count 5, --secret --verbose",
        "basic functionality, Basic YWJj, bearer authentication, Basic Functionality1",
        "550e8400-e29b-41d4-a716-446655440000",
        "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "acme.web.handlers.EntryCollectionController2.findManyByIdAndLocale",
        "getUserByIdAndRoleV2OrderByNameAscThenByDateDesc",
        "/usr/lib/python3.11/site-packages/OpenSSL/X509StoreContext2Builder",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
        "https://example.com/a/b?page=2&sort=name#top",
        "task-management-dashboard-2024-overview",
        "HeyJudeDontBeAfraidOfThis",
        "2024-02-29T12:00:00.123456+00:00",
        "-----BEGIN CERTIFICATE-----",
        "etag-key-d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_texts_without_a_secret_stay(text: str) -> None:
    """Names, ids, hashes, paths, versions, and words about secrets."""
    assert without_secrets(text) == text


def test_random_keys_are_found_and_names_are_not() -> None:
    """Nearly all random keys of 32 characters or more, alone and within a path."""
    dice = random.Random(1)
    alphabet = string.ascii_letters + string.digits
    for length in (32, 40, 64, 300):
        keys = ["".join(dice.choices(alphabet, k=length)) for _ in range(500)]
        found = sum(without_secrets(key) == SECRET_MARKER for key in keys)
        in_path = sum(key not in without_secrets(f"{'/data' * 80}/{key}/x") for key in keys)

        assert found > 0.97 * len(keys)
        assert in_path > 0.97 * len(keys)


def test_no_part_of_a_long_base64_key_stays() -> None:
    """Base64 has slashes, as paths have."""
    dice = random.Random(2)
    for length in (200, 1200):
        key = base64.b64encode(dice.randbytes(length)).decode()

        assert without_secrets(f"key {key} end") == f"key {SECRET_MARKER} end"


def test_long_text_without_a_key_stays() -> None:
    """Even with long runs of letters and digits."""
    words = "didCreateEntry2With_" * 50

    assert without_secrets(words) == words
    assert without_secrets(f"{words}/{words}") == f"{words}/{words}"


@pytest.mark.parametrize(
    "key",
    [
        *("password", "userPassword", "db.password", "PASSWD", "passwords", "password2"),
        *("token", "accessToken", "access_token", "csrftoken", "x-auth-token", "id_token_value"),
        *("secret", "clientSecret", "client_secret", "clientsecret", "secrets"),
        *("apikey", "APIKey", "x-api-key", "api.key", "AWS_SECRET_ACCESS_KEY", "private key"),
        *("Authorization", "http.request.header.authorization", "cookie", "Set-Cookie"),
        *("credentials", "jwt", "otp", "smtp_pass", "connection_string", "contraseña"),
        *("license_key", "DD_APP_KEY", "writeKey", "recovery_code", "seed phrase", "api_key_id"),
    ],
)
def test_sensitive_keys_are_found_in_every_spelling(key: str) -> None:
    """Camel case, hyphens, dots, capitals."""
    assert is_sensitive_key(key)
    assert is_sensitive_key(f"acme.{key}")


@pytest.mark.parametrize(
    "key",
    [
        *("tokens", "input_tokens", "token_count", "tokenType", "tokenizer", "max_tokens"),
        *("secretary", "passwordless", "password_length", "cookie_consent", "key", "primary_key"),
        *(
            "time_to_first_token",
            "input_token",
            "tokens_per_second",
            "time_per_token",
            "token_cost",
        ),
        *(
            "has_password",
            "isPasswordProtected",
            "acme.uses_jwt",
            "password_changed",
            "token_valid",
        ),
        *("session.id", "laptop", "pass", "passes", "author", "user", "api", "public_key", ""),
    ],
)
def test_other_keys_are_not_sensitive(key: str) -> None:
    """Keys that count or describe a secret, and words that only sound like one."""
    assert not is_sensitive_key(key)


_hidden = without_homes("/srv/people/ann")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("bob@example.com", EMAIL_MARKER),
        ("Bob <bob.o'neil+x@mail.example.co.uk>, hi", f"Bob <{EMAIL_MARKER}>, hi"),
        ("mailto:bob@example.com?subject=x", f"mailto:{EMAIL_MARKER}?subject=x"),
        ("a@x.com,b@y.org;c@z.net.", f"{EMAIL_MARKER},{EMAIL_MARKER};{EMAIL_MARKER}."),
        ("an jörg@münchen.de!", f"an {EMAIL_MARKER}!"),
        ("bob@xn--mnchen-3ya.xn--p1ai", EMAIL_MARKER),
        ("संपर्क@डाटामेल.भारत", EMAIL_MARKER),
        ("联系\uff1a用户@例子。广告\uff0c谢谢", f"联系\uff1a{EMAIL_MARKER}\uff0c谢谢"),
        ("?email=bob%40example.com&page=2", f"?email={EMAIL_MARKER}&page=2"),
        ('"john doe"@example.com', EMAIL_MARKER),
        ("bob@[192.168.0.1] bob@[IPv6:2001:db8::1]", f"{EMAIL_MARKER} {EMAIL_MARKER}"),
        (f"{'x' * 100}@example.com", EMAIL_MARKER),
        ("a@b@example.com", f"a@{EMAIL_MARKER}"),
    ],
)
def test_email_addresses_are_replaced(text: str, left: str) -> None:
    """In every script and within longer text; a second pass changes nothing."""
    assert without_emails(text) == left
    assert without_emails(left) == left


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "a@", "@b.com", "a@b", "root@localhost", "react@18.2.0", "a@b.c", "a@.com"),
        *("@scope/name@1.0.0", "@decorator.name", "100%40", "bob at example dot com", "a @ b.com"),
        *("foo@latest", "5@3.14", "x[bob@home]", "a@-."),
    ],
)
def test_texts_without_an_email_address_stay(text: str) -> None:
    """Versions, decorators, mentions, and machines without a domain."""
    assert without_emails(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/bob", "~"),
        ("/home/bob/x.py:5", "~/x.py:5"),
        ("at (/Users/Jürgen/x)", "at (~/x)"),
        ("/root/.ssh /root", "~/.ssh ~"),
        ("/srv/people/ann/x", "~/x"),
        ("/var/home/bob/x /export/home/bob", "~/x ~"),
        ("/mnt/backup/x /rootfs/home/bob/x", "/mnt/backup/x ~/x"),
        ("/Volumes/Mac/Users/al/x", "~/x"),
        ("PATH=/usr/bin:/home/bob/bin", "PATH=/usr/bin:~/bin"),
        ("gcc -I/home/bob/include -L/home/bob", "gcc -I~/include -L~"),
        ("\x1b[31m/home/bob/x\x1b[0m", "\x1b[31m~/x\x1b[0m"),
        ("x\\n/home/bob/x", "x\\n~/x"),
        ("../../home/bob/x", "../..~/x"),
        ("//home//bob/x", "~/x"),
        (r"\/home\/bob\/x", r"~\/x"),
        ("~bob/x", "~/x"),
        ("file:///home/bob/x", "file://~/x"),
        ("file://localhost/home/bob/x", "file://localhost~/x"),
        ("file:///C:/Users/bob/x", "file:///~/x"),
        ("C:\\Users\\bob\\x", "~\\x"),
        ("C:\\Users\\John Doe\\x", "~\\x"),
        ("C:\\Users\\bob is here", "~ is here"),
        ("'C:\\\\Users\\\\bob\\\\x'", "'~\\\\x'"),
        ("c:/users/bob/x", "~/x"),
        ("D:\\Documents and Settings\\bob\\x", "~\\x"),
        ("/mnt/c/Users/bob/x /c/Users/bob", "~/x ~"),
        ("\\\\server\\Users\\bob\\x", "~\\x"),
        ("\\\\server\\c$\\Users\\bob\\x", "~\\x"),
        ("\\\\?\\C:\\Users\\bob\\x", "\\\\?\\~\\x"),
    ],
)
def test_home_directories_are_replaced(text: str, left: str) -> None:
    """Of every user and in every form; a second pass changes nothing."""
    assert _hidden(text) == left
    assert _hidden(left) == left


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "~", "~/x", "/home", "/home/", "/homes/bob", "/rootless", "home/bob", "Users"),
        *("https://example.com/home/news", "src/home/index.tsx", "/api/users/5", "./home/x"),
        *("C:\\Windows\\x", "/srv/people/anna", "x/srv/people/ann", "/usr/lib/python3.11", "a~b/c"),
    ],
)
def test_other_paths_stay(text: str) -> None:
    """System paths, URLs and relative paths."""
    assert _hidden(text) == text


@pytest.mark.parametrize("own", ["", "/", "~"])
def test_other_homes_are_replaced_if_the_own_home_is_unknown(own: str) -> None:
    """In a container it may be the root directory, or unset."""
    hidden = without_homes(own)

    assert hidden("/x/y ~/z") == "/x/y ~/z"
    assert hidden("/home/bob/x") == "~/x"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://u:p@a.example:80/p?q=1#f", "https://a.example:80/p"),
        ("see <https://a.example/?q=o'brien> now", "see <https://a.example/> now"),
        ('{"url": "ftp://u@h/x#y"}', '{"url": "ftp://h/x"}'),
        ("https://a.example?x https://b.example#y", "https://a.example https://b.example"),
        ("GET /search?q=bob HTTP/1.1", "GET /search HTTP/1.1"),
        ("www.a.example/?q=1", "www.a.example/"),
        ("https://a.example/x?next=https://b.example/?y=1", "https://a.example/x"),
        ("https://a.example/@bob", "https://a.example/@bob"),
        ("C# or F#? who@where", "C# or F#? who@where"),
        ("https://a.example/p", "https://a.example/p"),
    ],
)
def test_queries_are_removed_from_urls(text: str, left: str) -> None:
    """A second pass changes nothing."""
    assert without_url_queries(text) == left
    assert without_url_queries(left) == left
