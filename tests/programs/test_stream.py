import json

import pytest

from scrubkit.bench.shards import SUITE, ShardedSuite, paths, read_shard
from scrubkit.errors import BenchError
from scrubkit.families.programs.suites import stream as streaming
from scrubkit.families.programs.suites.stream import stream
from scrubkit.harness.run import find_suite, validate
from scrubkit.methods.protocol import Answer


class Counting:
    """Supports whatever has at least three nodes."""

    name = "counting"

    def score(self, model, hypothesis, *, task, generator, budget):
        many = len(hypothesis.nodes) > 3
        return Answer(float(len(hypothesis.nodes)), verdict="supported" if many else "refuted")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two shards of one base each, with few cases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BASES", 1)
        patch.setattr(streaming, "CASES", 1)
        patch.setattr(streaming, "STYLES", ("plain", "superposed"))
        path = tmp_path_factory.mktemp("stream") / "suite"
        stream(path, seed=1, programs=16)
        yield path


def test_a_suite_in_shards_is_read_back_whole(folder):
    suite = find_suite(folder)
    assert isinstance(suite, ShardedSuite) and suite.listed.models == 16
    shards = list(suite.shards())
    assert [len(shard.cases) for shard in shards] == list(suite.listed.cases)
    for shard in shards:
        assert {case.model.key for case in shard.cases} <= set(shard.models)


def test_stored_models_are_those_that_their_descriptions_give(folder):
    from scrubkit.bench.models import build

    shard = next(ShardedSuite.read(folder).shards())
    case = shard.cases[0]
    assert build(case.model).weights_hash == shard.models[case.model.key].weights_hash


def test_validate_asks_all_cases_of_all_shards(folder, tmp_path):
    report = validate(Counting(), folder, in_process=True, store=tmp_path / "store.sqlite")
    assert (
        len(report["counting"].results)
        == report.suite.cases
        == report.asked
        == ShardedSuite.read(folder).n_cases
    )
    again = validate(Counting(), folder, in_process=True, store=tmp_path / "store.sqlite")
    assert again.asked == 0 and again["counting"].auroc == report["counting"].auroc


def test_a_making_that_was_killed_goes_on_and_ends_the_same(folder, monkeypatch):
    listed = (folder / SUITE).read_bytes()
    (folder / SUITE).unlink()
    for path in paths(folder, 1):
        path.unlink()
    with pytest.raises(BenchError, match="once it is whole"):
        find_suite(folder)
    made = []
    make = streaming._make
    monkeypatch.setattr(streaming, "_make", lambda plan, shard: made.append(shard) or make(plan, shard))
    stream(folder, seed=1, programs=16)
    assert made == [1]
    assert (folder / SUITE).read_bytes() == listed


def test_a_folder_of_another_making_is_refused(folder, tmp_path):
    with pytest.raises(BenchError, match="16 programs of seed 1"):
        stream(folder, seed=2, programs=16)
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(BenchError, match="not empty"):
        stream(tmp_path, seed=1, programs=16)


def test_a_damaged_shard_is_refused(folder, tmp_path):
    for name in (*(p.name for p in paths(folder, 0)), SUITE):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    at_cases, _, at_weights = paths(tmp_path, 0)
    listed = json.loads((tmp_path / SUITE).read_text())
    whole = at_weights.read_bytes()
    at_weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BenchError, match="safetensors"):
        read_shard(tmp_path, 0, listed["hashes"][0])
    at_weights.write_bytes(whole[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(BenchError, match="one was changed"):
        read_shard(tmp_path, 0, listed["hashes"][0])
    at_cases.write_bytes(at_cases.read_bytes() + b" ")
    with pytest.raises(BenchError, match="not the file"):
        read_shard(tmp_path, 0, listed["hashes"][0])
