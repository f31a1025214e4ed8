"""The command `firstdraw` and its subcommands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from firstdraw.cli.exits import CHECK_EPILOG, EPILOG, guarded
from firstdraw.version import __version__

__all__ = ["main"]

REPORT = Path("firstdraw-report.html")
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    # Read when NumPy is imported. Its matrix products are small here, and threads that wait for more of them would take
    # the cores from those that train.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def command() -> None:
        # Not `commands.main`, which ends a command whose output nobody reads any more by itself, with code 1.
        with commands.make_context("firstdraw", sys.argv[1:] if arguments is None else list(arguments)) as context:
            commands.invoke(context)

    sys.exit(guarded(command))


@click.group(context_settings=SETTINGS, epilog=EPILOG)
@click.version_option(__version__, "-V", "--version")
def commands() -> None:
    """See what a weight initialization does to training, choose one on evidence.

    \b
    Examples:
      firstdraw run                                    the exercise, with every claim of its write-up
      firstdraw run --set training.steps=60000         the same, trained longer
      firstdraw run --print-spec > mine.toml           a spec to start from
      firstdraw run mine.toml --dry-run                how long it would take, and how much memory
      firstdraw run mine.toml --out mine.html          your own experiment
      firstdraw predict mine.toml                      will it train? from the start alone
      firstdraw paper exercise                         the same claims, each printed with its numbers
      firstdraw list initializers                      what there is
      firstdraw explain he_normal                      a law, its numbers, and where each comes from
      firstdraw phase --activation tanh                where gradients neither vanish nor explode
      firstdraw theory mine.toml                       what theory predicts, beside networks that are drawn
      firstdraw status results.db                      what is in a store of finished runs
      firstdraw check models.py:Net --input 8,64       a model of PyTorch, and what is wrong with its start
    """  # noqa: D301  # click reads the character


out_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=f"Where the report goes.  [default: {REPORT}; with --json: nowhere]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the results as JSON (see `firstdraw schema`)."
)
engine_option = click.option("--engine", help="`native` or `reference`.  [default: native where it was compiled]")
progress_option = click.option("--progress/--no-progress", default=True, help="Show progress on the standard error.")


@commands.command(epilog=EPILOG)
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Change the spec; may be repeated.")
@click.option("--print-spec", is_flag=True, help="Print the spec with all defaults as TOML, and do nothing else.")
@click.option("--preset", metavar="NAME", help="A grid that answers a question: activation, depth, lr or seeds.")
@click.option("--store", type=click.Path(path_type=Path), help="Keep every run in this file; train what it lacks.")
@click.option("--cluster", metavar="ADDRESS", help="Train on Dask workers: tcp://host:8786, or local:4 for four here.")
@click.option("--dry-run", is_flag=True, help="Estimate the time and memory that it takes, and do nothing else.")
@out_option
@json_option
@engine_option
@progress_option
def run(
    spec: Path | None,
    settings: tuple[str, ...],
    print_spec: bool,
    preset: str | None,
    store: Path | None,
    cluster: str | None,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
    engine: str | None,
    progress: bool,
) -> None:
    """Train each initialization of SPEC, a TOML file, and report what came of it.

    Without SPEC the exercise is run: zeros, normal x10, Xavier and He on two circles, with every claim of its write-up.

    SPEC may be a grid of specs: lists of values for some of its parts, under `axes`. With --store each run is kept when
    it is done, and the same command, whatever ended it before, trains what is missing.

    \b
    Examples:
      firstdraw run
      firstdraw run --set network.widths=[2,64,64,1] --set network.activation=tanh
      firstdraw run mine.toml --json | jq .summary
      firstdraw run --preset depth --store depth.db
      firstdraw run --dry-run --set seeds=20 --set "axes=[{network.activation=['relu', 'tanh']}]"
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.asked import Asked
    from firstdraw.cli.run import print_the_spec, run_the_spec

    if preset is not None:
        from firstdraw.errors import InputError
        from firstdraw.experiments.presets import preset_file

        if spec is not None:
            raise InputError("--preset", "must be left out where a SPEC says what to run", preset)
        spec = preset_file(preset)
    if print_spec:
        print_the_spec(spec, settings)
    elif dry_run:
        from firstdraw.cli.estimate import print_the_estimate

        print_the_estimate(spec, settings, as_json=as_json, engine=engine)
    else:
        where = _target(out, as_json)
        asked = Asked(where, as_json, engine, progress, store, cluster, as_grid=preset is not None)
        run_the_spec(spec, settings, asked)


@commands.command(epilog=EPILOG)
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Change the spec; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the prediction as JSON.")
def predict(spec: Path | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Say before any training how likely each initialization of SPEC is to train within its steps, and why.

    Measured at the start alone: a probability, calibrated on thousands of runs (studies/trainability), and what is
    wrong with the start. Without SPEC the exercise is looked at.

    \b
    Examples:
      firstdraw predict mine.toml
      firstdraw predict --set network.widths=[2,32,32,32,32,1] --set training.steps=400
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.predict import print_the_outlook

    print_the_outlook(spec, settings, as_json=as_json)


@commands.command(epilog=EPILOG)
@click.argument("name")
@out_option
@json_option
@engine_option
@progress_option
def paper(name: str, out: Path | None, as_json: bool, engine: str | None, progress: bool) -> None:
    """Measure every claim of a publication and print each; `exercise` is the one there is so far.

    \b
    Examples:
      firstdraw paper exercise
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.paper import check_the_paper

    check_the_paper(name, _target(out, as_json), as_json=as_json, engine=engine, progress=progress)


@commands.command("list", epilog=EPILOG)
@click.argument("kind", required=False)
@click.option("--for", "activation", metavar="ACTIVATION", help="Initializers made for it, or for none in particular.")
@click.option(
    "--kind", "layer", metavar="LAYER", help="Initializers for such layers: dense, convolution, embedding ..."
)
@click.option("--residual", is_flag=True, help="Initializers for networks with residual branches.")
def list_(kind: str | None, activation: str | None, layer: str | None, residual: bool) -> None:
    """List what there is: initializers, parametrizations, activations, losses, optimizers, datasets, draws or papers.

    \b
    Examples:
      firstdraw list
      firstdraw list initializers
      firstdraw list initializers --for relu --kind convolution
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.listing import Wanted, list_the_catalogues

    list_the_catalogues(kind, Wanted(activation, layer, residual))


@commands.command(epilog=EPILOG)
@click.argument("name")
@click.option("--shape", metavar="OUT,IN[,KERNEL...]", help="The weight's shape in PyTorch's order of axes.")
@click.option("--activation", metavar="NAME", help="The activation that feeds the layer.  [default: each in a row]")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
def explain(name: str, shape: str | None, activation: str | None, as_json: bool) -> None:
    """Explain the law of an initializer, or the default of a framework's layer: NAME.

    Its numbers and where each comes from, what the gain should be, what a layer does to signals and gradients under an
    activation, and what other frameworks draw under the same name. Layers are named as they are imported:
    torch.nn.Linear, keras.layers.Dense, flax.linen.Dense, haiku.Linear, equinox.nn.Linear.

    \b
    Examples:
      firstdraw explain he_normal --shape 256,128,3,3 --activation gelu
      firstdraw explain torch.nn.Linear
      firstdraw explain glorot_uniform --json | jq .weight
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.explain import print_the_explanation

    print_the_explanation(name, shape, activation, as_json=as_json)


activation_option = click.option("--activation", required=True, metavar="NAME", help="What follows each layer.")
figure_option = click.option("--figure", type=click.Path(path_type=Path), help="Draw it into this .svg, .png or .pdf.")


@commands.command(epilog=EPILOG)
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@click.option("--activation", metavar="NAME", help="What follows each layer.")
@click.option("--weight-variance", type=float, help="Variance of a weight, times the fan-in.")
@click.option("--bias-variance", type=float, default=0.0, show_default=True, help="Variance of a bias.")
@click.option("--depth", type=int, default=100, show_default=True, help="How many layers.")
@click.option(
    "--input-variance", type=float, default=1.0, show_default=True, help="Of the first layer's pre-activations."
)
@click.option("--input-correlation", type=float, default=0.0, show_default=True, help="Of two inputs.")
@click.option("--width", type=int, help="Measure Gaussian networks of this width, too.")
@click.option("--networks", type=int, default=20, show_default=True, help="How many networks are measured.")
@click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help="Change SPEC; may be repeated.")
@figure_option
@click.option("--json", "as_json", is_flag=True, help="Print the prediction as JSON.")
def theory(
    spec: Path | None,
    activation: str | None,
    weight_variance: float | None,
    bias_variance: float,
    depth: int,
    input_variance: float,
    input_correlation: float,
    width: int | None,
    networks: int,
    settings: tuple[str, ...],
    figure: Path | None,
    as_json: bool,
) -> None:
    """Predict what depth does to signals and gradients in wide networks, from variances alone.

    Layer by layer the variance of pre-activations, the correlation of two inputs and the variance of gradients; where
    they lead, how fast, and up to which depth such a network trains.

    With `--width`, and for each initialization of SPEC, a TOML file: beside the prediction, with a band for networks of
    finite width, what networks measure that are drawn, and the layer at which the two part.

    \b
    Examples:
      firstdraw theory --activation tanh --weight-variance 1.76 --bias-variance 0.05
      firstdraw theory --activation relu --weight-variance 2 --depth 1000 --figure relu.svg
      firstdraw theory --activation tanh --weight-variance 3 --depth 30 --width 300 --figure tanh.svg
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.theory import asked_for, print_the_prediction

    if spec is not None:
        from firstdraw.cli.beside import print_the_networks_of_a_spec

        print_the_networks_of_a_spec(spec, settings, networks, figure, as_json=as_json)
        return
    asked = asked_for(activation, weight_variance, bias_variance, depth, input_variance, input_correlation)
    if width is None:
        print_the_prediction(asked, figure, as_json=as_json)
    else:
        from firstdraw.cli.beside import print_the_networks_of_a_width

        print_the_networks_of_a_width(asked, width, networks, figure, as_json=as_json)


@commands.command(epilog=EPILOG)
@activation_option
@click.option("--weight-variance", type=float, help="The largest of the figure.  [default: what shows the edge]")
@click.option("--bias-variance", type=float, default=1.0, show_default=True, help="The largest of the figure.")
@figure_option
@click.option("--json", "as_json", is_flag=True, help="Print the edge of chaos as JSON.")
def phase(
    activation: str, weight_variance: float | None, bias_variance: float, figure: Path | None, as_json: bool
) -> None:
    """Tell order from chaos: the weight and bias variances at which gradients neither vanish nor explode.

    Prints the edge of chaos, and draws the phase plane around it.

    \b
    Examples:
      firstdraw phase --activation tanh
      firstdraw phase --activation gelu --figure gelu.svg
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.phase import print_the_edge_of_chaos

    print_the_edge_of_chaos(activation, weight_variance, bias_variance, figure, as_json=as_json)


@commands.command(epilog=CHECK_EPILOG)
@click.argument("model", metavar="MODULE:FACTORY")
@click.option("--input", "inputs", multiple=True, metavar="SHAPE", help="A random argument of the model; repeat it.")
@click.option("--batch", type=click.Path(path_type=Path), help="The arguments, in a .pt, .npz or .npy file; no code.")
@click.option("--loss", metavar="NAME", help="cross_entropy ..., or package.module:function.  [default: a projection]")
@click.option("--targets", metavar="SHAPE", help="What the loss compares with; with --batch its key or place there.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True, help="Of all random numbers.")
@click.option("--train/--eval", "training", default=None, help="The mode.  [default: as the model comes]")
@click.option(
    "--severity",
    type=click.Choice(["note", "warning", "broken"]),
    default="warning",
    show_default=True,
    help="The least that fails.",
)
@click.option("--allow", multiple=True, metavar="CAUSE", help="A cause that never fails; repeat it.")
@click.option("--identify", "identified", is_flag=True, help="Say which law each tensor holds, and known faults.")
@click.option("--repair", "repaired", is_flag=True, help="Print the plain PyTorch code that mends it.")
@click.option("--every-row", is_flag=True, help="Print long tables whole.  [default: their ends]")
@figure_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def check(
    model: str,
    inputs: tuple[str, ...],
    batch: Path | None,
    loss: str | None,
    targets: str | None,
    seed: int,
    training: bool | None,
    severity: str,
    allow: tuple[str, ...],
    identified: bool,
    repaired: bool,
    every_row: bool,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Check a model of PyTorch: what each layer does, what is wrong with the start, and what to do about it.

    MODULE:FACTORY names a function or class that makes the model without arguments, or the model itself, as it is
    imported from here: package.module:factory, or path/to/file.py:factory.

    \b
    SHAPE is 8,3,32,32 for standard normal numbers, and may say more:
      8,3,32,32:uniform                numbers from 0 to 1
      4,16:tokens=50257                integers from 0 to 50256, as tokens and classes are
      attention_mask=4,16:ones         an argument by name, of integers 1

    \b
    Examples:
      firstdraw check package.module:factory --input 8,3,32,32
      firstdraw check models.py:Net --input 8,3,32,32 --loss cross_entropy --targets 8:tokens=10
      firstdraw check models.py:gpt --input input_ids=4,64:tokens=50257 --identify --repair
      firstdraw check models.py:Net --batch batch.pt --targets 1 --loss mse_loss --json
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.check import AskedCheck, print_the_check

    asked = AskedCheck(
        model=model,
        inputs=inputs,
        batch=batch,
        loss=loss,
        targets=targets,
        seed=seed,
        training=training,
        severity=severity,
        allow=allow,
        identified=identified,
        repaired=repaired,
        every_row=every_row,
        figure=figure,
        as_json=as_json,
    )
    print_the_check(asked)


store_argument = click.argument("store", type=click.Path(path_type=Path))


@commands.command(epilog=EPILOG)
@store_argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with every description in full.")
def status(store: Path, as_json: bool) -> None:
    """Say what is in STORE, a file of finished runs: how many of which, what has failed, who is at work.

    Others may be writing it.

    \b
    Examples:
      firstdraw status results.db
      firstdraw status results.db --json | jq .runs
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.status import print_the_status

    print_the_status(store, as_json=as_json)


@commands.command(epilog=EPILOG)
@store_argument
@click.option("--failed", is_flag=True, required=True, help="The runs that failed, those that are left alone too.")
@click.option("--json", "as_json", is_flag=True, help="Print how many they are as JSON.")
def retry(store: Path, failed: bool, as_json: bool) -> None:  # noqa: ARG001  # it must be said
    """Have runs of STORE tried again that failed: the next `firstdraw run` finds them missing.

    \b
    Examples:
      firstdraw retry results.db --failed
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.retry import forget_the_failures

    forget_the_failures(store, as_json=as_json)


@commands.command(epilog=EPILOG)
@store_argument
@click.option(
    "--csv", type=click.Path(path_type=Path), help="The outcomes, and the ends of the curves, one line a run."
)
@click.option("--jsonl", type=click.Path(path_type=Path), help="All that is stored, one JSON object a run.")
@click.option("--parquet", type=click.Path(path_type=Path), help="The same as columns; needs firstdraw[parquet].")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(store: Path, csv: Path | None, jsonl: Path | None, parquet: Path | None, as_json: bool) -> None:
    """Write the runs of STORE into a table for other programs, whole or not at all.

    \b
    Examples:
      firstdraw export results.db --csv results.csv
      firstdraw export results.db --jsonl results.jsonl --parquet results.parquet
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.export import export_the_runs

    export_the_runs(store, {"csv": csv, "jsonl": jsonl, "parquet": parquet}, as_json=as_json)


@commands.command(epilog=EPILOG)
@store_argument
@click.option("--salvage", "into", type=click.Path(path_type=Path), help="Copy every whole run into this new store.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def fsck(store: Path, into: Path | None, as_json: bool) -> None:
    """Read all of STORE and list what is damaged, and where.

    \b
    Examples:
      firstdraw fsck results.db
      firstdraw fsck results.db --salvage whole.db
    """  # noqa: D301  # click reads the character
    from firstdraw.cli.fsck import check_the_store

    check_the_store(store, into, as_json=as_json)


@commands.command()
def info() -> None:
    """Say what this installation is: the engine, its instruction set, the threads, the peak of a core."""
    from firstdraw.cli.info import print_the_installation

    print_the_installation()


@commands.command()
def schema() -> None:
    """Print the JSON Schema of what `--json` prints."""
    import json

    from firstdraw.report.document import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _target(out: Path | None, as_json: bool) -> Path | None:
    """Return where the report goes: a default for people, nowhere for programs that did not ask."""
    if out is None and not as_json:
        return REPORT
    return out
