"""Values of a wrong type or size, as a careless program sends them: one sentence each, before anything is computed."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint

from app import page, text
from app.service import Models
from app.service.what_if import MOST_VARIANTS
from playitback.errors import SettingsError

COMPUTED = "it is computed"
OF_THE_SERVER = '{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}'
EDIT = {"action": "remove", "segments": [[0.1, 0.2]]}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., str]) -> str:
    """A page that says so where it would compute anything."""

    def computing(hear: Any) -> Any:
        def fail(*asked: Any) -> Any:
            raise SettingsError(COMPUTED)

        return fail

    models = Models([str(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny"))], "cpu", computing)
    return serve(page.build_page(models, []), **page.launch_settings())


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


@pytest.fixture
def clip(tmp_path: Path) -> Any:
    path = tmp_path / "chirp.wav"
    soundfile.write(path, chirp(CLIP_SECONDS), RATE)
    return handle_file(path)


@pytest.mark.parametrize(
    ("name", "asked", "sentence"),
    [
        ("explain", {"playbacks": "3"}, "playbacks must be a number"),
        ("explain", {"playbacks": 1.5}, "playbacks must be a whole number"),
        ("explain", {"playbacks": [[1]]}, "playbacks must be a number"),
        ("explain", {"playbacks": True}, "playbacks must be a number"),
        ("examine", {"start_seconds": 1e308}, "start_seconds must be a number"),
        ("take_away", {"start_seconds": {}}, "start_seconds must be a number"),
        ("windows", {"hop_seconds": "all"}, "hop_seconds must be a number"),
        ("explain", {"class_name": 7}, "class_name must be a text"),
        ("contrast", {"second_class": "x" * 100_000}, "second_class must be a text of up to 1,000 letters"),
        ("compare", {"second_model": ["tiny"]}, "second_model must be a text"),
        ("explain", {"passages": "yes"}, "passages must be true or false"),
        ("compare", {"second_recording": "clip.wav"}, "second_recording must be a file that was uploaded"),
        ("what_if", {"edits": [EDIT] * 10_000}, "edits must be JSON of up to 10,000 values"),
        ("what_if", {"edits": [EDIT] * (MOST_VARIANTS + 1)}, f"up to {MOST_VARIANTS} edits"),
        ("what_if", {"edits": [EDIT] * MOST_VARIANTS, "held": {"0": [[0, 1]]}}, f"up to {MOST_VARIANTS} edits"),
        ("what_if", {"edits": [{**EDIT, "fill": "x" * 100_000}]}, "texts of up to 1,000 letters"),
        ("what_if", {"edits": [[1]]}, "edits a list of objects"),
        ("what_if", {"edits": [{**EDIT, "segments": [["0", "1"]]}]}, "pairs in seconds"),
        ("what_if", {"held": {"0": [[0, True]]}}, "pairs in seconds"),
        ("what_if", {"held": [[1]]}, "held must be an object"),
        ("what_if", {"held": []}, "held must be an object"),
        ("what_if", {"held": {"0": {}}}, "held must be an object"),
        ("what_if", {"held": {" 0": [[0, 1]]}}, "held must be an object"),
        ("what_if", {"held": {"00": [[0, 1]]}}, "held must be an object"),
        ("what_if", {"held": {"-1": [[0, 1]]}}, "held must be an object"),
        ("what_if", {"edits": {}}, "edits a list of objects"),
        ("what_if", {"edits": False}, "edits a list of objects"),
        ("what_if", {"edits": [{**EDIT, "fills": "noise"}]}, "edits a list of objects"),
        ("what_if", {"edits": [{**EDIT, "segments": [[0.1, 0.2, 0.3]]}]}, "pairs in seconds"),
        ("what_if", {"edits": [{**EDIT, "segments": [[0.1]]}]}, "pairs in seconds"),
        ("what_if", {"edits": [{**EDIT, "segments": [[0, 10**400]]}]}, "pairs in seconds"),
        ("what_if", {"edits": [{**EDIT, "segments": [[0, 1e300]]}]}, "pairs in seconds"),
        ("what_if", {"edits": [{**EDIT, "segments": {"0": [0, 1]}}]}, "pairs in seconds"),
    ],
)
def test_a_wrong_value_is_named_in_one_sentence(
    client: Client, clip: Any, name: str, asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AppError) as told:
        client.predict(clip, **asked, api_name=f"/{name}")
    assert sentence in str(told.value)
    assert len(str(told.value)) < 300


def post(address: str, path: str, body: bytes) -> tuple[int, str]:
    asked = urllib.request.Request(f"{address}{path}", data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def outcome(address: str, data: str) -> str:
    """How /explain ends that is given data as curl would send them."""
    status, told = post(address, "gradio_api/call/explain", f'{{"data": {data}}}'.encode())
    assert status == 200
    event = json.loads(told)["event_id"]
    with urllib.request.urlopen(f"{address}gradio_api/call/explain/{event}", timeout=60) as answer:
        return str(answer.read().decode())


def test_what_only_curl_can_send_is_told_as_well(address: str) -> None:
    for data, sentence in (
        ('[null, "tiny", NaN, 0, "", false, false, 0, "", false]', text.must_be("playbacks", text.A_NUMBER)),
        ('[null, "tiny", 0, Infinity, "", false, false, 0, "", false]', text.must_be("start_seconds", text.A_NUMBER)),
        ('["clip.wav", "tiny", 0, 0, "", false, false, 0, "", false]', text.must_be("recording", text.A_FILE)),
        ('[[[1]], "tiny", 0, 0, "", false, false, 0, "", false]', text.must_be("recording", text.A_FILE)),
        ('[{"path": 3}, "tiny", 0, 0, "", false, false, 0, "", false]', text.must_be("recording", text.A_FILE)),
        ("[null, null, null, null, null, null, null, null, null, null]", text.NO_RECORDING),
        ("[null]", text.NO_RECORDING),
        ("[]", text.NO_RECORDING),
        (f'[{OF_THE_SERVER}, "tiny"]', text.NOT_UPLOADED),
        (f'[{OF_THE_SERVER.replace("/etc", "../../etc")}, "tiny"]', text.NOT_UPLOADED),
        (f'[{OF_THE_SERVER.replace("/etc", "file:///etc")}, "tiny"]', text.NOT_UPLOADED),
        (f'[{OF_THE_SERVER.replace("passwd", chr(92) + "u0000")}, "tiny"]', text.must_be(None, text.OF_ITS_KIND)),
        (f"[null, {OF_THE_SERVER}]", text.must_be("model", text.A_TEXT)),
        (f"[{', '.join(['null'] * 11)}]", text.too_many_values(10)),
    ):
        told = outcome(address, data)
        assert "event: error" in told
        assert json.loads(told.split("data: ", 1)[1])["error"] == sentence


@pytest.mark.parametrize(
    ("name", "values"),
    [("explain", 9), ("take_away", 5), ("what_if", 7), ("examine", 5), ("contrast", 7), ("windows", 4)],
)
def test_null_is_as_good_as_what_is_left_out(client: Client, clip: Any, name: str, values: int) -> None:
    for asked in ([], [None] * values):
        with pytest.raises(AppError, match=COMPUTED):
            client.predict(clip, *asked, api_name=f"/{name}")


def test_what_computes_takes_its_turn_however_it_is_asked(address: str) -> None:
    for name in text.API_ENDPOINTS:
        status, _ = post(address, f"gradio_api/run/{name}", b'{"data": []}')
        assert status == (200 if name == "models" else 404)


def test_models_and_descriptions_do_not_wait_in_the_queue(address: str) -> None:
    with urllib.request.urlopen(f"{address}config", timeout=60) as answer:
        events = json.load(answer)["dependencies"]
    named = {event["api_name"]: event["queue"] for event in events}
    assert named["models"] is False
    describing = [event for event in events if event["api_name"].startswith("describe")]
    assert len(describing) == 4
    assert all(event["queue"] is False for event in describing)
