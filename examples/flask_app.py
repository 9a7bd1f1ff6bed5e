"""A web app whose product events go where its traces go.

Run it under auto-instrumentation, with your collector in OTEL_EXPORTER_OTLP_ENDPOINT:

    opentelemetry-instrument python examples/flask_app.py

Nothing here names a backend: without an endpoint, telemetry uses the app's own OpenTelemetry
set-up. `instrumented.py` does all that with a receiver of its own, and shows what arrives.
"""

from __future__ import annotations

import threading
import urllib.request

from flask import Flask
from werkzeug.serving import make_server

from otel_telemetry import create_telemetry_instance

app = Flask(__name__)
telemetry = create_telemetry_instance("acme-shop", version="2.0", enabled=True)


@app.post("/orders/<int:number>")
def order(number: int) -> str:
    """Place an order, and say that it happened: within the request's span."""
    telemetry.send(
        "didPlaceOrder",
        event_properties={"items": number},
        user_properties={"plan": "free"},
        group_properties={"region": "eu"},
    )
    return "thank you\n"


def main() -> None:
    server = make_server("127.0.0.1", 0, app)
    with telemetry:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for number in (1, 2):
            url = f"http://127.0.0.1:{server.port}/orders/{number}"
            with urllib.request.urlopen(url, data=b"") as answer:
                print(answer.read().decode(), end="")
        server.shutdown()
    server.server_close()


if __name__ == "__main__":
    main()
