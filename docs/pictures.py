"""Draw the pictures of the README from a real run of the exercise: `make picture`."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

import firstdraw
from firstdraw.figures import plot_boundary, plot_cost, quiet_style

FOLDER = Path(__file__).parent / "images"
THEMES = {"light": ("#1b1f24", "#fdfdfb"), "dark": ("#e4e7ea", "#0d1117")}


def draw(result: firstdraw.Result, ink: str, paper: str) -> Figure:
    """Return the cost curves above the four decision boundaries."""
    names = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color", "axes.titlecolor")
    with quiet_style(), mpl.rc_context(dict.fromkeys(names, ink) | {"axes.facecolor": paper, "font.size": 11}):
        figure = Figure(figsize=(11, 6.2), layout="constrained", facecolor=paper)
        top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.05])
        top.set_facecolor(paper)
        bottom.set_facecolor(paper)
        plot_cost(result.record.runs, ax=top.subplots())
        rows = result.table()
        for row, ax in zip(rows, bottom.subplots(1, len(rows)), strict=True):
            plot_boundary(result.record, result.run_of(row.label), ax=ax, size=7)
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="", title=f"{row.label}: {row.train_accuracy}")
        return figure


def main() -> None:
    """Write one picture a theme."""
    FOLDER.mkdir(exist_ok=True)
    result = firstdraw.run()
    for theme, (ink, paper) in THEMES.items():
        draw(result, ink, paper).savefig(FOLDER / f"exercise-{theme}.png", dpi=90)


if __name__ == "__main__":
    main()
