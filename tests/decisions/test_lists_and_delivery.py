"""Lists by hand; a receiver that fails at first, for ever, or says no."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pandas as pd
import pytest

from patronage.decisions.call_lists import call_list, early_warning
from patronage.decisions.delivery import post_rows, write_csv
from patronage.errors import DataError, SpecError


class Receiver(HTTPServer):
    """Answers with the given codes, then 200, and keeps what it took."""

    def __init__(self, codes: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.codes, self.taken, self.keys, self.location = codes, [], [], None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret-token"


class Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        code = self.server.codes.pop(0) if self.server.codes else 200
        self.server.keys.append(self.headers["Idempotency-Key"])
        if code == 200:
            self.server.taken += json.loads(body)["rows"]
        self.send_response(code)
        if self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver([])
    yield server
    server.shutdown()
    server.server_close()


ROWS = pd.DataFrame({"customer_id": ["007", "8"], "owner": ["李", None]})


def test_a_receiver_that_stumbles_is_tried_again_with_doubled_waits(receiver, tmp_path) -> None:
    receiver.codes = [503, 429]
    waits: list[float] = []
    done = post_rows(ROWS, receiver.url, outbox=tmp_path, sleep=waits.append)
    assert (done.batches, done.rows, waits) == (1, 2, [1.0, 2.0])
    assert receiver.taken == [
        {"customer_id": "007", "owner": "李"},
        {"customer_id": "8", "owner": None},
    ]
    assert len(set(receiver.keys)) == 1


def test_what_was_not_taken_is_sent_by_the_next_delivery(receiver, tmp_path) -> None:
    receiver.codes = [500] * 2
    with pytest.raises(DataError, match=r"1 of 1 batches not taken \(HTTP 500\).*wait in") as bad:
        post_rows(ROWS.head(1), receiver.url, outbox=tmp_path, attempts=2, sleep=lambda _: None)
    assert "secret-token" not in str(bad.value)
    assert post_rows(ROWS.tail(1), receiver.url, outbox=tmp_path).rows == 2
    assert [row["customer_id"] for row in receiver.taken] == ["007", "8"]
    assert not list(tmp_path.glob("*.json"))


def test_a_refusal_is_not_repeated(receiver, tmp_path) -> None:
    receiver.codes = [400]
    with pytest.raises(DataError, match="HTTP 400"):
        post_rows(ROWS, receiver.url, outbox=tmp_path)
    assert len(receiver.keys) == 1


def test_an_address_that_is_none_is_refused_before_anything_is_kept(tmp_path) -> None:
    with pytest.raises(SpecError, match="give an http or https address"):
        post_rows(ROWS, "file:///etc/passwd", outbox=tmp_path)
    assert not list(tmp_path.iterdir())


def test_csv_for_spreadsheets_keeps_zeros_and_defuses_formulas(tmp_path) -> None:
    table = pd.DataFrame({"customer_id": ["007"], "owner": ["=cmd()"], "gain": [-1.5]})
    text = write_csv(table, tmp_path / "list.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines() == ["customer_id,owner,gain", "007,'=cmd(),-1.5"]


def test_warnings_are_risky_and_valuable_by_owner_of_the_customers_table() -> None:
    scores = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4],
            "churn_probability": [0.9, 0.9, 0.1, 0.6],
            "lifetime_value": [100.0, 5.0, 900.0, 200.0],
            "churn_reasons": ["silent for 90 days", "", "", "fewer orders"],
        }
    )
    owners = pd.DataFrame({"customer_id": ["1", "2", "3", "4"], "owner": ["Mo", "Mo", "Mo", "Li"]})
    found = early_warning(scores, owners, min_value=50)
    assert found["owner"].tolist() == ["Li", "Mo"]
    assert found["value_at_risk"].tolist() == [120.0, 90.0]
    assert found["churn_reasons"].tolist() == ["fewer orders", "silent for 90 days"]
    assert early_warning(scores.head(0)).empty
    # Where nobody is worth anything, nobody is among the best fifth.
    assert early_warning(scores.assign(lifetime_value=0.0)).empty


def test_call_list_has_as_many_as_there_is_time_for_whatever_the_order_of_rows() -> None:
    leads = pd.DataFrame(
        {
            "lead_id": ["a", "b", "c", "d"],
            "conversion_probability": [0.5, 0.5, 0.9, None],
            "expected_value": [100.0, 100.0, None, 1e6],
        }
    )
    found = call_list(leads, capacity=3, cost=10.0)
    assert found["lead_id"].tolist() == ["a", "b", "c"]
    again = call_list(leads.iloc[::-1], capacity=3, cost=10.0)
    pd.testing.assert_frame_equal(found, again)


@pytest.mark.parametrize("code", [301, 302, 303, 307])
def test_a_redirect_is_no_delivery(receiver, tmp_path, code) -> None:
    # Followed, a POST becomes a GET without its rows, and any page would have taken them.
    receiver.codes, receiver.location = [code], receiver.url
    with pytest.raises(DataError, match=f"HTTP {code}, moved; give the address that it leads to"):
        post_rows(ROWS, receiver.url, outbox=tmp_path)
    assert not receiver.taken
    assert len(list(tmp_path.glob("*.json"))) == 1


def test_the_same_command_again_sends_what_waits_once(receiver, tmp_path) -> None:
    receiver.codes = [400]
    with pytest.raises(DataError, match="HTTP 400"):
        post_rows(ROWS, receiver.url, outbox=tmp_path)
    assert post_rows(ROWS, receiver.url, outbox=tmp_path).rows == 2
    assert len(receiver.taken) == 2
