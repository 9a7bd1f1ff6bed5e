"""Take secrets and traces of persons out of events before they leave, and leave some out.

Run it as it is: it starts a receiver of its own, in this process, where your collector would be.
"""

from __future__ import annotations

from otel_telemetry import create_telemetry_instance
from otel_telemetry.hooks.exceptions import describe_exception
from otel_telemetry.hooks.redaction import (
    hide_home,
    redact,
    redact_emails,
    redact_secrets,
    strip_url_queries,
    truncate,
)
from otel_telemetry.hooks.sampling import once_per_day, rate_limit
from otel_telemetry.testing import OTLPReceiver


class NotFoundError(Exception):
    """What this program raises."""


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
                # One walk over each event; they put themselves into their best order.
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
            # "__main__" is the package of a script; yours has a name.
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
        print(f"held back: {telemetry.stats.dropped['before_send']}")
        telemetry.destroy()


if __name__ == "__main__":
    main()
