"""Remove secrets and personal data from events, and limit how many are sent.

The example needs no set-up: it starts a receiver in this process in the place of your collector.
"""

from __future__ import annotations

from otel_telemetry import create_telemetry_instance
from otel_telemetry.hooks import (
    describe_exception,
    hide_home,
    once_per_day,
    rate_limit,
    redact,
    redact_emails,
    redact_secrets,
    strip_url_queries,
    truncate,
)
from otel_telemetry.testing import OTLPReceiver


class NotFoundError(Exception):
    """An error of this program."""


def look_up(name: str) -> str:
    try:
        return {"bob": "hunter2"}[name]
    except KeyError as error:
        raise NotFoundError(f"no password of {name}") from error


def main() -> None:
    with OTLPReceiver() as receiver:
        telemetry = create_telemetry_instance(
            "acme-cms",
            enabled=True,
            endpoint=receiver.http_endpoint,
            before_send=[
                # One walk over each event; redact() applies the rules in the right order.
                redact(redact_secrets, redact_emails, hide_home, strip_url_queries, truncate(40)),
                once_per_day("didPing"),
                rate_limit(3, 60, "didRetry"),
            ],
        )
        telemetry.send(
            "didImport ann@example.com",
            event_properties={
                "source": "https://ann:hunter2@files.example/export.csv?sig=abc",
                "options": {"api_key": "1234", "rows": 12},
                "log": ["wrote /home/ann/export.csv", "mailed bob@example.com", "a" * 100],
            },
        )
        try:
            look_up("ann@example.com")
        except NotFoundError as error:
            # "__main__" is the package of a script; use the name of yours.
            telemetry.send("didFail", event_properties=describe_exception(error, own=["__main__"]))
        for _ in range(4):
            telemetry.send("didPing")
        for _ in range(5):
            telemetry.send("didRetry")
        telemetry.flush(timeout=5)

        for event in receiver.events:
            if event.name == "didRetry":
                continue
            print(event.name)
            shown = {key: event.attributes[key] for key in event.attributes if "uid" not in key}
            width = max(map(len, shown), default=0)
            for key, value in shown.items():
                print(f"  {key:<{width}}  {value!r}")
        print(f"dropped by hooks: {telemetry.stats.dropped['before_send']}")
        telemetry.destroy()


if __name__ == "__main__":
    main()
