"""Claims about the benchmark: it counts what a clip costs, and says so in JSON and in a table."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import pytest
import torch
from hub_folders import write_hub_folder
from shell import Run
from tiny import tiny_checkpoint, tiny_model
from torch import nn

from playitback import bench, checkpoint
from playitback.bench import BenchRow, count_operations, table, time_hearings
from playitback.commands import bench as command
from playitback.commands import bench_tasks
from playitback.config import FrontEndConfig, ModelConfig
from playitback.errors import SettingsError
from playitback.models import families
from playitback.models.blocks import PooledAttention
from playitback.models.replay.config import DecoderConfig, EncoderConfig, ReplayConfig, SlotConfig
from playitback.models.replay.model import ReplayModel
from playitback.recognizer import Recognizer

TINY = ReplayConfig(
    labels=(("bell", "rain", "siren"),),
    playbacks=2,
    front_end=FrontEndConfig(clip_seconds=0.5, frames=40, mels=16, fft_samples=512, window_samples=320),
    encoder=EncoderConfig(width=8, depth=2, stages_at=(1,), key_value_stride=2, drop_path=0.0),
    slots=SlotConfig(width=8, hidden=8),
    decoder=DecoderConfig(latents=4, width=8, self_heads=2, head_width=4, self_blocks=1),
)
ROW = BenchRow(
    preset="x3",
    dtype="bfloat16",
    batch=4,
    hearings=4,
    parameters=122_900_000,
    first_hearing_seconds=0.25,
    all_hearings_seconds=1.0,
    first_hearing_operations=25_000_000_000,
    all_hearings_operations=100_000_000_000,
    matrix_operations_per_second=400e9,
)


@pytest.fixture
def tiny_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every preset is a tiny model, and matrices are small."""
    monkeypatch.setattr(families, "preset", lambda name, labels: TINY)
    monkeypatch.setattr(bench, "_MATRIX_SIZE", 32)
    monkeypatch.setattr(bench, "_MATRIX_SECONDS", 1e-4)
    monkeypatch.setattr(bench, "_LEAST_SECONDS", 0.0)


def model() -> ReplayModel:
    return ReplayModel(TINY).eval().requires_grad_(False)


def clips(count: int, config: ModelConfig = TINY) -> torch.Tensor:
    return torch.randn(count, config.front_end.clip_samples, generator=torch.Generator().manual_seed(0))


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


class OneLayer(nn.Module):
    """Stands in for a model whose operations can be counted by hand."""

    def __init__(self, layer: nn.Module, inputs: torch.Tensor) -> None:
        super().__init__()
        self.layer, self.inputs = layer.requires_grad_(False), inputs

    def listen(self, waveforms: torch.Tensor):
        yield self.layer(self.inputs)
        yield self.layer(self.inputs)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_operations_of_a_linear_layer_are_counted_as_by_hand(dtype: str) -> None:
    layer = OneLayer(nn.Linear(16, 8), torch.randn(3, 16))
    once = 2 * 3 * 16 * 8
    assert count_operations(layer, clips(1), dtype) == [once, 2 * once]


def test_attention_is_counted_as_by_hand() -> None:
    tokens, width = 5 * 4, 8
    layer = OneLayer(
        PooledAttention(width, width, heads=2, query_stride=1, key_value_stride=1), torch.randn(1, 5, 4, width)
    )
    projections = 2 * tokens * width * (3 * width) + 2 * tokens * width * width
    pools = 3 * 2 * tokens * width * 9
    attention = 2 * 2 * tokens * tokens * width
    assert count_operations(layer, clips(1), "float32")[0] == projections + pools + attention


def test_operations_of_x1_s_are_those_of_the_paper() -> None:
    config = families.preset("x1_s", (tuple(map(str, range(309))),))
    counts = count_operations(families.build(config).eval().requires_grad_(False), clips(1, config), "float32")
    assert counts[-1] / 2 == pytest.approx(23.2e9, rel=0.03)


def test_twice_the_clips_cost_twice_the_operations() -> None:
    one, two = (count_operations(model(), clips(count), "float32") for count in (1, 2))
    assert [2 * count for count in one] == two


def test_every_hearing_adds_operations_and_time() -> None:
    for series in (count_operations(model(), clips(1), "float32"), time_hearings(model(), clips(1), "float32")):
        assert len(series) == TINY.hearings
        assert series == sorted(set(series))
        assert series[0] > 0


@pytest.mark.usefixtures("tiny_small")
def test_every_combination_is_run_and_reported() -> None:
    reported: list[BenchRow] = []
    rows = bench.run(["small", "x3"], ["float32", "bfloat16"], [1, 2], device="cpu", report=reported.append)
    assert rows == reported
    wanted = [(name, dtype, batch) for name in ("small", "x3") for dtype in ("float32", "bfloat16") for batch in (1, 2)]
    assert [(row.preset, row.dtype, row.batch) for row in rows] == wanted
    for row in rows:
        assert row.hearings == TINY.hearings
        assert row.parameters == sum(parameter.numel() for parameter in model().parameters())
        assert row.all_hearings_seconds > row.first_hearing_seconds > 0
        assert row.share_of_matrix_rate > 0


@pytest.mark.usefixtures("tiny_small")
def test_threads_are_as_before_after_a_run() -> None:
    before = torch.get_num_threads()
    bench.run(["small"], ["float32"], [1], device="cpu", threads=before + 1)
    assert torch.get_num_threads() == before


@pytest.mark.usefixtures("tiny_small")
def test_json_holds_the_machine_and_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--presets small --dtypes float32 --batches 1,2 --device cpu --threads 1 --json"
    assert command.main(arguments(*words.split())) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"machine", "rows", "tasks"}
    assert answer["tasks"] == []
    assert answer["machine"]["threads"] == 1
    assert answer["machine"]["torch"] == torch.__version__
    assert answer["machine"]["device"]
    fields = {field.name for field in dataclasses.fields(BenchRow)}
    assert [set(row) for row in answer["rows"]] == [
        fields | {"multiply_adds", "operations_per_second", "share_of_matrix_rate"}
    ] * 2
    assert [row["batch"] for row in answer["rows"]] == [1, 2]


@pytest.mark.usefixtures("tiny_small")
def test_command_prints_a_line_for_every_combination(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments("--presets", "small,x1", "--batches", "1", "--device", "cpu")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[3:]] == [
        [name, dtype, "1"] for name in ("small", "x1") for dtype in ("float32", "bfloat16")
    ]


def test_rates_follow_from_operations_and_seconds() -> None:
    assert ROW.operations_per_second == 100e9
    assert ROW.share_of_matrix_rate == 0.25
    assert ROW.multiply_adds == 50_000_000_000


def test_table_stands_in_columns() -> None:
    figures = ["x3", "bfloat16", "4", "122.9", "50.000", "250.0", "1000.0", "100.00", "100.0", "400.0", "25.0"]
    for before, ratio in (({}, []), ({bench.key(ROW): 2.0}, ["0.50"])):
        head, units, line = table([ROW], before).splitlines()
        assert len(head) == len(units) == len(line)
        assert line.split() == [*figures, *ratio]


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are done once, and a minute lasts three seconds."""
    monkeypatch.setattr(bench_tasks, "LEAST_RUNS", 1)
    monkeypatch.setattr(bench_tasks, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(bench_tasks, "LONG_SECONDS", 3.0)


@pytest.mark.usefixtures("brief", "tiny_small")
def test_what_one_waits_for_is_timed_with_a_checkpoint_and_set_beside_a_saved_run(run: Run, tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", tiny_model(playbacks=1))
    given = ("bench", "--checkpoints", folder, "--device", "cpu", "--batches", 1)
    status, told, _ = run(*given, "--json")
    assert status == 0
    answer = json.loads(told)
    (row,) = answer["rows"]  # presets are not run beside unless they are asked for
    assert (row["preset"], row["dtype"], row["batch"], row["hearings"]) == ("tiny", "float32", 1, 2)
    model = tiny_model(playbacks=1).requires_grad_(False)
    assert row["parameters"] == sum(each.numel() for each in model.parameters())
    assert 2 * row["multiply_adds"] == count_operations(model, clips(1, model.config), "float32")[-1]
    row["all_hearings_seconds"] = 1e6
    assert [each["task"] for each in answer["tasks"]] == [
        "hear a clip",
        "explain it from its file, as JSON",
        "explain it, all files",
        "windows of a minute",
    ]
    for each in answer["tasks"]:
        assert (each["checkpoint"], each["dtype"]) == ("tiny", "float32")
        assert each["times_real_time"] == pytest.approx(each["sound_seconds"] / each["seconds"])
    for each in answer["tasks"]:
        each["seconds"] = 1e6
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(answer), encoding="utf-8")
    status, told, _ = run(*given, "--presets", "small", "--against", saved)
    assert status == 0
    rows = [line for line in told.splitlines() if line.startswith("tiny")]
    assert [row.split()[-1] for row in rows] == ["0.00"] * 5


@pytest.mark.usefixtures("brief", "tiny_small")
def test_all_bundled_checkpoints_are_timed_where_that_is_asked_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        tiny_checkpoint(tmp_path / name, tiny_model(playbacks=0))
    monkeypatch.setattr(checkpoint, "BUNDLED", tmp_path)
    status, told, _ = run("bench", "--checkpoints", "all", "--device", "cpu", "--batches", 1, "--json")
    assert status == 0
    answer = json.loads(told)
    assert [row["preset"] for row in answer["rows"]] == ["one", "two"]
    assert [task["checkpoint"] for task in answer["tasks"]] == ["one"] * 4 + ["two"] * 4


def test_a_model_that_remembers_clips_is_timed_on_clips_that_are_new(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(bench, "matrix_operations_per_second", lambda device, dtype: 1e9)
    recognizer = Recognizer.from_checkpoint(write_hub_folder(tmp_path / "ast"), "cpu")
    passes: list[int] = []
    hear = recognizer.model._pass

    def counted(waveforms: torch.Tensor) -> torch.Tensor:
        passes.append(len(waveforms))
        return hear(waveforms)

    monkeypatch.setattr(recognizer.model, "_pass", counted)
    (row,) = bench.run_checkpoint(recognizer, [1])
    assert sum(passes) == 4 * recognizer.model.passes  # one run that does not count, and three that do
    assert row.multiply_adds > 0


TASK = dict.fromkeys(bench_tasks.TaskRow.__dataclass_fields__, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"rows": [{}], "tasks": []}', "[" * 100_000),
        *(json.dumps({"rows": [], "tasks": [{**TASK, "seconds": seconds}]}) for seconds in (0, "1", float("nan"))),
    ],
    ids=range(8),
)
def test_another_file_than_a_saved_run_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    saved = tmp_path / "saved.json"
    saved.write_text(text)
    status, _, told = run("bench", "--against", saved)
    assert status == 2
    assert "is not what bench --json prints" in told


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"presets": ["x9"]}, "no preset 'x9'"),
        ({"dtypes": ["float8"]}, "no number format 'float8'; choose from float32, bfloat16"),
        ({"batches": [0]}, "a batch must hold 1 clip or more, got 0"),
        ({"threads": 0}, "threads must be 1 or more, got 0"),
        ({"device": "abacus"}, "there is no device 'abacus' here; choose auto, cpu"),
        ({"device": "cuda:99"}, "there is no device 'cuda:99' here; choose auto, cpu"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        bench.run(**{"presets": ["small"], **settings})


def test_a_list_of_no_numbers_is_refused_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments("--batches", "one")
    assert "'one' is not a list of whole numbers; write 1,4" in capsys.readouterr().err
