"""What looks like a secret goes; what only resembles one stays."""

from __future__ import annotations

import base64
import random
import string

import pytest

from otel_telemetry.hooks._patterns import MARKER, is_telling, without_secrets

_PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEow\nabc=\n-----END {0}PRIVATE KEY-----"


@pytest.mark.parametrize(
    "secret",
    [
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
    ],
)
def test_tokens_are_known_by_their_looks(secret: str) -> None:
    """Alone, within longer text, and in a row."""
    essential = secret[-8:]

    for text in (secret, f"a {secret}", f"({secret})", f"x_{secret}, {secret}"):
        assert essential not in without_secrets(text)
        assert MARKER in without_secrets(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password=hunter2 port=5", f"password={MARKER} port=5"),
        ("PGPASSWORD=hunter2", f"PGPASSWORD={MARKER}"),
        ("userPassword: hunter2", f"userPassword: {MARKER}"),
        ('{"token": "a b", "page": 2}', f'{{"token": "{MARKER}", "page": 2}}'),
        ("{'api_key': 'a\\'b', 'page': 2}", f"{{'api_key': '{MARKER}', 'page': 2}}"),
        (r"{\"secret\": \"a b\", \"page\": 2}", rf"{{\"secret\": \"{MARKER}\", \"page\": 2}}"),
        ('secret := "never closed', f'secret := "{MARKER}"'),
        ("x?token=abc&page=2&sig=a%2Fb", f"x?token={MARKER}&page=2&sig={MARKER}"),
        ("X-Amz-Signature=abc", f"X-Amz-Signature={MARKER}"),
        ("Authorization: Digest a=b, c\nHost: x", f"Authorization: {MARKER}\nHost: x"),
        ("Set-Cookie: a=b; Path=/\r\nHost: x", f"Set-Cookie: {MARKER}\r\nHost: x"),
        ("run --db-password hunter2 --port 3", f"run --db-password {MARKER} --port 3"),
        ("run --api-key 'a b' now", f"run --api-key '{MARKER}' now"),
        ("tokens: password=hunter2", f"tokens: password={MARKER}"),
        ("Bearer abc.def", f"Bearer {MARKER}"),
        ("bearer abcdefghijklmnopqrstuvwxyz", f"bearer {MARKER}"),
        ("-Password hunter2 -Port 3", f"-Password {MARKER} -Port 3"),
        ("<a:password>hunter2</a:password>", f"<a:password>{MARKER}</a:password>"),
        ('<token kind="x">a b</token>', f'<token kind="x">{MARKER}</token>'),
        ("DD_APP_KEY=abc LICENSE_KEY: abc", f"DD_APP_KEY={MARKER} LICENSE_KEY: {MARKER}"),
        ("SSWS 00abcdefghijklmnopqrst", f"SSWS {MARKER}"),
        ("Basic dXNlcjpwYXNz", f"Basic {MARKER}"),
        ("Basic dTpwYXNzd29yZA==", f"Basic {MARKER}"),
        ("postgres://u:p@ss@db:5/x?y", f"postgres://{MARKER}@db:5/x?y"),
        ("https://ghost@example.com", f"https://{MARKER}@example.com"),
    ],
)
def test_values_go_and_what_is_around_them_stays(text: str, left: str) -> None:
    """And what is left of a text is left as it is, if it is looked at once more."""
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
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    """Names, ids, hashes, paths, versions, and words about secrets."""
    assert without_secrets(text) == text


def test_random_text_is_known_from_names() -> None:
    """Of random keys of 32 characters or more, nearly all; within a path, and alone."""
    dice = random.Random(1)
    alphabet = string.ascii_letters + string.digits
    for length in (32, 40, 64, 300):
        keys = ["".join(dice.choices(alphabet, k=length)) for _ in range(500)]
        found = sum(without_secrets(key) == MARKER for key in keys)
        in_path = sum(key not in without_secrets(f"{'/data' * 80}/{key}/x") for key in keys)

        assert found > 0.97 * len(keys)
        assert in_path > 0.97 * len(keys)


def test_no_part_of_a_long_key_stays() -> None:
    """Of what is encoded in base64, which has slashes in it, as paths have."""
    dice = random.Random(2)
    for length in (200, 1200):
        key = base64.b64encode(dice.randbytes(length)).decode()

        assert without_secrets(f"key {key} end") == f"key {MARKER} end"


def test_long_text_without_a_key_in_it_stays() -> None:
    """However long its runs of letters and digits are."""
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
def test_telling_keys_are_known_in_every_spelling(key: str) -> None:
    """Humps, hyphens, dots, capitals."""
    assert is_telling(key)
    assert is_telling(f"acme.{key}")


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
def test_other_keys_are_not(key: str) -> None:
    """What only counts or describes a secret, and what only sounds like one."""
    assert not is_telling(key)
