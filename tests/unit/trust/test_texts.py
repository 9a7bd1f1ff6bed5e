"""E-mail addresses, homes, and the private parts of URLs go; the text around them stays."""

from __future__ import annotations

import pytest

from otel_telemetry.hooks._patterns import (
    EMAIL_MARKER,
    without_emails,
    without_homes,
    without_url_queries,
)

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
def test_addresses_go(text: str, left: str) -> None:
    """In every script, and within longer text; and once is enough."""
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
def test_what_is_no_address_stays(text: str) -> None:
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
def test_homes_go(text: str, left: str) -> None:
    """Of anybody, in every form; and once is enough."""
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
    """Those of the system and the web, and relative ones."""
    assert _hidden(text) == text


@pytest.mark.parametrize("own", ["", "/", "~"])
def test_without_a_home_of_its_own_a_process_hides_others(own: str) -> None:
    """In a container it may be the root directory, or unknown."""
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
def test_urls_are_cut_down(text: str, left: str) -> None:
    """To what they name; and once is enough."""
    assert without_url_queries(text) == left
    assert without_url_queries(left) == left
