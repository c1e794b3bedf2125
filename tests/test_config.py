"""Budgets, assignments and benchmark files are read strictly, and every error says what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.config import Benchmark, parse_assignment, parse_budget, read_benchmark, sha256_of
from ganbench.errors import UsageError

GOOD = """
name = "b"
title = "B"
plugins = ["dcgan"]
[data]
dataset = "mnist5k"
[training]
budget = "50kimg"
"""


@pytest.mark.parametrize(
    ("text", "amount", "unit"), [("50kimg", 50, "kimg"), ("2000steps", 2000, "steps"), ("1.5min", 1.5, "min")]
)
def test_budgets(text, amount, unit):
    budget = parse_budget(text)
    assert (budget.amount, budget.unit) == (amount, unit)
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "50", "kimg", "-3kimg", "0steps", "1.5steps", "10 hours", "nankimg", "1e3kimg"])
def test_wrong_budgets(text):
    with pytest.raises(UsageError, match="budget"):
        parse_budget(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-4", 1e-4), ("3", 3), ("true", True), ('"text"', "text"), ("text", "text"), ("", ""), ("[1]", "[1]")],
)
def test_assignments_are_typed(text, value):
    plugin, option, got = parse_assignment(f"dcgan.lr={text}")
    assert (plugin, option) == ("dcgan", "lr")
    assert got == value
    assert type(got) is type(value)


@given(st.text(max_size=30))
def test_assignments_parse_or_say_what_they_expect(text):
    try:
        plugin, option, _ = parse_assignment(text)
    except UsageError as error:
        assert "PLUGIN.OPTION=VALUE" in str(error)
    else:
        assert text.startswith(f"{plugin}.{option}=")


def test_a_benchmark_file(tmp_path):
    path = tmp_path / "b.toml"
    path.write_text(GOOD)
    benchmark = read_benchmark(path)
    assert benchmark.training.budget == "50kimg"
    assert benchmark.controls == ("noise", "memorizer", "half")
    assert Benchmark.model_validate(benchmark.model_dump(mode="json")) == benchmark


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("50kimg", "soon"), "training.budget"),
        (('name = "b"', 'name = "B b"'), "name"),
        (("[data]", "[data]\nresolutoin = 3"), "data.resolutoin"),
        (("plugins =", "plugins"), "TOML"),
        (("[training]", "[training]\nema = 1.0"), "training.ema"),
    ],
)
def test_a_wrong_benchmark_file_names_the_field(tmp_path, change, words):
    path = tmp_path / "b.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(UsageError, match=words):
        read_benchmark(path)


def test_the_hash_depends_on_the_values_alone():
    assert sha256_of({"a": 1, "b": [1.5, None]}) == sha256_of({"b": [1.5, None], "a": 1})
    assert sha256_of({"a": 1}) != sha256_of({"a": 2})
