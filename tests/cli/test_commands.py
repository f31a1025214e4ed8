"""What each command prints, writes and exits with."""

from __future__ import annotations

import html
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from firstdraw import __version__, read_spec
from firstdraw.activations import ACTIVATIONS
from firstdraw.catalogue import Catalogue
from firstdraw.cli import listing
from firstdraw.cli.exits import EPILOG, Exit
from firstdraw.cli.main import commands
from firstdraw.datasets import DATASETS
from firstdraw.draws import DRAWS
from firstdraw.engine import OPTIMIZERS, native
from firstdraw.experiments.store import Store
from firstdraw.fitted import FITTED
from firstdraw.initializers import INITIALIZERS
from firstdraw.initializers.parametrizations import PARAMETRIZATIONS
from firstdraw.losses import LOSSES
from firstdraw.papers import PAPERS
from firstdraw.report import json_schema

Finished = subprocess.CompletedProcess[str]
Call = Callable[..., Finished]
Settings = tuple[str, ...]
HEAVY = ("numpy", "matplotlib", "scipy", "sklearn", "rich", "msgspec", "jinja2", "torch", "jax", "keras")
needs_native = pytest.mark.skipif(not native.is_built(), reason="the reference engine trains for minutes")
KINDS: dict[str, Catalogue[object]] = {
    "initializers": INITIALIZERS,
    "parametrizations": PARAMETRIZATIONS,
    "fitted": FITTED,
    "activations": ACTIVATIONS,
    "losses": LOSSES,
    "optimizers": OPTIMIZERS,
    "datasets": DATASETS,
    "draws": DRAWS,
    "papers": PAPERS,
}


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _refused(done: Finished, code: int, sentence: str, folder: Path) -> None:
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == sentence + "\n"
    assert _files(folder) == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["run", "--help"], ["paper", "-h"], ["list", "-h"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = f"""
import sys
from firstdraw.cli import main
try:
    main({arguments!r})
finally:
    print("heavy:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.endswith("heavy: []\n")


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = f"import sys, firstdraw; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_told(firstdraw: Call, option: str) -> None:
    done = firstdraw(option)
    assert (done.returncode, done.stderr) == (0, "")
    assert __version__ in done.stdout


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands_and_the_exit_codes(firstdraw: Call, arguments: tuple[str, ...]) -> None:
    done = firstdraw(*arguments)
    text = done.stdout + done.stderr
    assert all(f"  {name} " in text for name in commands.commands)
    for code in (Exit.OK, Exit.FAILED, Exit.INPUT, Exit.OUTPUT, Exit.INTERRUPTED, Exit.TERMINATED):
        assert re.search(rf"^ +{code.value} +\w", text, re.MULTILINE)


def test_the_exit_codes_are_documented_once() -> None:
    documented = {int(code) for code in re.findall(r"^  (\d+) ", EPILOG, re.MULTILINE)}
    # A closed pipe is nobody's failure, so it is not explained.
    assert documented == {code.value for code in Exit} - {Exit.PIPE_CLOSED}


def test_a_run_prints_a_table_and_writes_one_report(firstdraw: Call, tmp_path: Path, quick: Settings) -> None:
    done = firstdraw("run", *quick)
    assert done.returncode == 0
    assert _files(tmp_path) == ["firstdraw-report.html"]
    for label in ("zeros", "normal x10", "Xavier", "He"):
        assert re.search(rf"^ *{label} ", done.stdout, re.MULTILINE)
    assert "50.00%" in done.stdout
    assert "1773.586 safe" in done.stdout
    assert f"Report: {tmp_path / 'firstdraw-report.html'}\n" in done.stderr
    assert re.search(
        r"^Time: [\d.]+ s: start [\d.]+ s, .*training [\d.]+ s, .*report [\d.]+ s"
        r"( \(the reference engine; see `firstdraw info`\))?$",
        done.stderr,
        re.MULTILINE,
    )
    assert "1773.586 overflow-safe" in (tmp_path / "firstdraw-report.html").read_text(encoding="utf-8")


def test_five_seeds_are_ranked_below_the_table(firstdraw: Call, quick: Settings) -> None:
    four, five = (firstdraw("run", *quick, "--no-progress", "--set", f"seeds={[*range(n)]}") for n in (4, 5))
    assert (four.returncode, five.returncode) == (0, 0)
    table, _, ranking = five.stdout.partition(" Group ")
    assert "Group" not in four.stdout
    assert "ranking" not in four.stderr
    assert re.search(r"^ Initialization +Train +Test ", table, re.MULTILINE)
    assert re.search(r"^ 1 +zeros +100% \(57% to 100%\) +0.6931 *$", ranking, re.MULTILINE)
    sentences = " ".join(ranking.split())
    assert "cannot be told apart from" in sentences
    assert "5 seeds cannot tell initializations apart in " in sentences
    assert max(map(len, five.stdout.splitlines())) <= 120
    assert re.search(r", ranking [\d.]+ s, ", five.stderr)


@needs_native
def test_the_exercise_is_run_with_every_claim(firstdraw: Call, tmp_path: Path) -> None:
    done = firstdraw("run", "--no-progress")
    assert done.returncode == 0
    assert _files(tmp_path) == ["firstdraw-report.html"]
    page = html.unescape((tmp_path / "firstdraw-report.html").read_text(encoding="utf-8"))
    printed = " ".join(done.stdout.split())
    assert "Of the write-up of the exercise, 29 claims were measured: 21 hold, 8 are half true." in printed
    for claim in PAPERS["exercise"]().claims():
        assert claim.statement in page
    # Those that hold are in the report alone.
    told = [claim.statement in printed for claim in PAPERS["exercise"]().claims()]
    assert sum(told) == 8
    assert "Those over many seeds and scales rest on 186 further runs of 15,000 or 60,000 steps, in float32." in page
    assert "more claims need" not in page
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert re.search(
        r"^Time: [\d.]+ s: start [\d.]+ s, data .*, training .*, figures .*, claims .*, report [\d.]+ s$",
        done.stderr,
        re.MULTILINE,
    )


@needs_native
def test_the_exercise_as_json_has_every_claim(firstdraw: Call, tmp_path: Path) -> None:
    run, paper = firstdraw("run", "--json"), firstdraw("paper", "exercise", "--json")
    assert (run.returncode, paper.returncode, _files(tmp_path)) == (0, 0, [])
    claims = json.loads(run.stdout)["claims"]
    assert [item["name"] for item in claims] == [claim.name for claim in PAPERS["exercise"]().claims()]
    assert run.stdout == paper.stdout


@needs_native
def test_a_paper_prints_every_claim(firstdraw: Call, tmp_path: Path) -> None:
    done = firstdraw("paper", "exercise")
    assert (done.returncode, _files(tmp_path)) == (0, ["firstdraw-report.html"])
    cells = re.sub(r"\s+", "", done.stdout)
    assert cells.count("holds") >= 21
    for word in ("zero", "infinity", "convergence", "compare"):
        assert word in cells


def test_on_the_reference_engine_the_exercise_is_run_with_the_claims_that_need_it_alone(
    firstdraw: Call, tmp_path: Path
) -> None:
    done = firstdraw("run", "--engine", "reference", "--no-progress")
    assert done.returncode == 0
    assert "18 claims were measured: 14 hold, 4 are half true." in done.stdout
    assert "`firstdraw paper exercise` measures the 11 others; on the reference engine it trains for" in done.stdout
    page = (tmp_path / "firstdraw-report.html").read_text(encoding="utf-8")
    assert "11 more claims need more training than this: <code>firstdraw paper exercise</code> checks them all." in page


def test_a_changed_exercise_has_no_claims(firstdraw: Call, tmp_path: Path, quick: Settings) -> None:
    done = firstdraw("run", *quick)
    assert "claim" not in done.stdout
    assert 'id="claims"' not in (tmp_path / "firstdraw-report.html").read_text(encoding="utf-8")


def test_a_report_goes_where_it_is_told(firstdraw: Call, tmp_path: Path, single: Settings) -> None:
    (tmp_path / "sub").mkdir()
    assert firstdraw("run", *single, "--out", "sub/mine.html").returncode == 0
    assert _files(tmp_path) == ["sub"]
    assert _files(tmp_path / "sub") == ["mine.html"]


def test_json_is_all_that_is_printed_and_nothing_is_written(firstdraw: Call, tmp_path: Path, quick: Settings) -> None:
    done = firstdraw("run", *quick, "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["schema"] == "firstdraw.result/1"
    assert [row["label"] for row in document["summary"]] == ["zeros", "normal x10", "Xavier", "He"]
    assert "NaN" not in done.stdout
    assert "Infinity" not in done.stdout
    assert _files(tmp_path) == []


def test_json_with_a_target_does_both(firstdraw: Call, tmp_path: Path, single: Settings) -> None:
    done = firstdraw("run", *single, "--json", "--out", "mine.html")
    assert json.loads(done.stdout)["schema"] == "firstdraw.result/1"
    assert _files(tmp_path) == ["mine.html"]


def test_the_printed_spec_is_the_spec(firstdraw: Call, tmp_path: Path) -> None:
    done = firstdraw("run", "--print-spec")
    assert (done.returncode, done.stderr, _files(tmp_path)) == (0, "", [])
    assert read_spec(tomllib.loads(done.stdout)) == read_spec()


def test_the_printed_spec_can_be_run(firstdraw: Call, tmp_path: Path, quick: Settings) -> None:
    (tmp_path / "mine.toml").write_text(firstdraw("run", *quick, "--print-spec").stdout, encoding="utf-8")
    whole, printed = firstdraw("run", *quick, "--json"), firstdraw("run", "mine.toml", "--json")
    assert printed.returncode == 0
    assert json.loads(printed.stdout) == json.loads(whole.stdout)


def test_schema_prints_the_schema(firstdraw: Call) -> None:
    done = firstdraw("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json_schema()


def test_list_names_every_member_of_every_catalogue(firstdraw: Call) -> None:
    done = firstdraw("list")
    assert (done.returncode, done.stderr) == (0, "")
    told = dict(line.split(": ") for line in done.stdout.splitlines())
    assert {kind: names.split(", ") for kind, names in told.items()} == {
        kind: list(catalogue) for kind, catalogue in KINDS.items()
    }
    assert set(told) == set(listing.HOMES)


def test_list_tells_the_learning_rates_of_parametrizations_alone(firstdraw: Call) -> None:
    told = [re.sub(r"\s+", " ", firstdraw("list", kind).stdout) for kind in ("parametrizations", "initializers")]
    assert [text.count("learning rates: ") for text in told] == [len(PARAMETRIZATIONS), 0]


def test_list_tells_which_formulas_are_unverified(firstdraw: Call) -> None:
    unverified = sum(not member.verified for member in INITIALIZERS.values())
    assert unverified
    assert firstdraw("list", "initializers").stdout.count("(unverified)") == unverified


@pytest.mark.parametrize("kind", KINDS)
def test_list_tells_every_member_of_one_catalogue(firstdraw: Call, kind: str) -> None:
    done = firstdraw("list", kind)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()]
    first = {row[0].rstrip(",") for row in rows}
    for name in KINDS[kind]:
        assert name in first
        assert all(alias in done.stdout for alias in KINDS[kind].aliases_of(name))


def test_a_listing_marks_what_is_unverified(firstdraw: Call) -> None:
    unverified = [name for name, entry in INITIALIZERS.items() if not entry.verified]
    assert unverified
    assert firstdraw("list", "initializers").stdout.count("(unverified)") == len(unverified)


def test_a_listing_of_initializers_loads_no_library_but_numpy() -> None:
    code = (
        "import sys; from firstdraw.cli.main import commands; "
        "commands(['list', 'initializers'], standalone_mode=False); "
        "print([name for name in ('scipy', 'sklearn', 'matplotlib', 'msgspec') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "[]"


# What is refused, before anything is trained or written.

ENDLESS = (
    "--set",
    "training.steps=1000000000000",
    "--set",
    "recording.every=1000000000000",
    "--set",
    "recording.snapshots=[]",
)


@pytest.mark.parametrize("arguments", [["rnu"], ["run", "--outt", "x"], ["paper"], ["run", "--out"], ["schema", "x"]])
def test_a_wrong_command_line_is_refused(firstdraw: Call, tmp_path: Path, arguments: list[str]) -> None:
    done = firstdraw(*arguments)
    assert (done.returncode, done.stdout) == (Exit.INPUT, "")
    assert "Error: " in done.stderr
    assert _files(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["run", "--set", "network.widths=[3,1]"],
            "Error: `network.widths[0]` must equal the number of input features, 2, got 3.",
        ),
        (
            ["run", "--set", "network.activation=relo"],
            "Error: `network.activation` must name a known activation, got 'relo'; did you mean 'relu'?",
        ),
        (
            ["run", "--set", "training.optimizer.learning_rate=nan", "--print-spec"],
            "Error: `training.optimizer.learning_rate` must be a finite number above 0, got nan.",
        ),
        (["run", "none.toml"], "Error: the spec none.toml cannot be read: No such file or directory."),
        (["run", "."], "Error: the spec . cannot be read: Is a directory."),
        (["run", "--set", "x"], "Error: `--set` must look like `network.widths=[2, 64, 1]`, got 'x'."),
        (["paper", "exercice"], "Error: `name` must name a known paper, got 'exercice'; did you mean 'exercise'?"),
        (
            ["list", "initializer"],
            (
                "Error: `kind` must be one of initializers, parametrizations, fitted, activations, losses, "
                "optimizers, datasets, draws, papers, got 'initializer'."
            ),
        ),
    ],
    ids=range(8),
)
def test_a_broken_rule_is_one_sentence(firstdraw: Call, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    _refused(firstdraw(*arguments), Exit.INPUT, sentence, tmp_path)


@pytest.mark.parametrize(
    ("target", "reason"),
    [("no/report.html", "its folder no does not exist"), (".", "it is a folder; name a file in it")],
)
@pytest.mark.parametrize("command", [("run", *ENDLESS), ("paper", "exercise")], ids=["run", "paper"])
def test_a_target_that_cannot_be_written_is_refused_before_training(
    firstdraw: Call, tmp_path: Path, command: tuple[str, ...], target: str, reason: str
) -> None:
    # Neither could have been trained before the time limit of the call.
    sentence = f"Error: cannot write `{target}`: {reason}."
    _refused(firstdraw(*command, "--out", target), Exit.OUTPUT, sentence, tmp_path)


def test_a_diverging_run_is_a_result(firstdraw: Call, tmp_path: Path, single: Settings) -> None:
    done = firstdraw("run", *single, "--set", "training.optimizer.learning_rate=1e200")
    assert done.returncode == 0
    assert "diverges at step" in " ".join(done.stdout.split())
    assert _files(tmp_path) == ["firstdraw-report.html"]


RESIDUAL = """
data = "xor"

[network]
widths = [2, 8, 8, 8, 8, 8, 1]
branches = { length = 2 }

[training]
loss = "binary_cross_entropy"
optimizer = { name = "sgd", learning_rate = 0.3 }
steps = 200

[[initializations]]
label = "SkipInit"
weights = "he_normal"
multipliers = "zeros"

[[initializations]]
label = "He"
weights = "he_normal"
"""


def test_a_residual_network_is_trained_and_reported(firstdraw: Call, tmp_path: Path) -> None:
    (tmp_path / "residual.toml").write_text(RESIDUAL, encoding="utf-8")
    done = firstdraw("run", "residual.toml", "--json", "--out", "report.html")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["spec"]["network"]["branches"] == [
        {"first": 2, "last": 3, "activated": False},
        {"first": 4, "last": 5, "activated": False},
    ]
    skip_init, he = document["runs"]
    assert skip_init["findings"][0]["cause"] == "healthy"
    for run, alpha in ((skip_init, 0), (he, 1)):
        told = {item["name"]: item["drawn_mean"] for item in run["parameters"]}
        assert [told[f"branches.{number}.multiplier"] for number in (1, 2)] == [alpha, alpha]
        assert run["records"]["cost"][-1] < run["records"]["cost"][0]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "a 2-8-8-8-8-8-1 network with 2 residual branches" in page
    assert "<code>branches.2.multiplier</code>" in page


def test_a_label_is_printed_as_it_is(firstdraw: Call, quick: Settings) -> None:
    labels = ["[bold]loud[/bold]", "[red]", "[/]", "\\[x]", ":smile:", "$x^$", "<b>&amp;"]
    starts = ", ".join(f"{{label='{label}', weights='zeros'}}" for label in labels)
    done = firstdraw("run", *quick, "--set", f"initializations=[{starts}]")
    assert done.returncode == 0
    assert [label for label in labels if label not in done.stdout] == []


# The examples of the help.


def _examples() -> list[str]:
    texts = [commands.help or ""] + [command.help or "" for command in commands.commands.values()]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    # A comment stands two spaces or more behind its example.
    return list(dict.fromkeys(re.split(r"\s{2,}", line)[0] for line in lines if line.startswith("firstdraw ")))


def test_the_help_has_examples() -> None:
    assert len(_examples()) >= 8


@pytest.mark.parametrize("command", [(), *((name,) for name in commands.commands)])
def test_each_example_of_the_help_stands_on_a_line(firstdraw: Call, command: tuple[str, ...]) -> None:
    printed = firstdraw(*command, "--help").stdout
    assert "\\b" not in printed
    for line in printed.splitlines():
        assert line.count("firstdraw ") <= 1 or line.startswith("Usage:")


# Those of `check` need PyTorch, and a model; `test_check` runs them.
@pytest.mark.parametrize("example", [example for example in _examples() if not example.startswith("firstdraw check ")])
def test_every_example_of_the_help_works(firstdraw: Call, tmp_path: Path, single: Settings, example: str) -> None:
    words = shlex.split(re.split(r" [|>] ", example)[0])[1:]
    if "mine.toml" in words:
        (tmp_path / "mine.toml").write_text(firstdraw("run", "--print-spec").stdout, encoding="utf-8")
    if "results.db" in words:
        Store.create_or_open(tmp_path / "results.db").close()
    if "--parquet" in words:
        pytest.importorskip("pyarrow")
    # The claims of a paper take minutes; their command is run by its own tests.
    more = {"run": single, "paper": ("--help",)}.get(words[0], ())
    if words[0] == "run" and not {"--out", "--json"} & set(words):
        more += ("--json",)
    done = firstdraw(*words, *more)
    assert done.returncode == 0
    assert "Error" not in done.stderr
