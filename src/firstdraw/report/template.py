"""What the pages share: their frame, style and helpers, and which versions made them."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup, escape

from firstdraw.report.pictures import Picture
from firstdraw.version import __version__

__all__ = ["figure", "rendered"]

FOLDER: Final = Path(__file__).parent


def rendered(name: str, **values: Any) -> str:  # noqa: ANN401  # whatever the page tells
    """Return a page from its template, with what all of them need."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["with_code"] = _with_code
    return environment.get_template(name).render(
        **values,
        style=Markup((FOLDER / "style.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        version=__version__,
        versions=_versions(),
        figure=figure,
    )


def figure(picture: Picture, kind: str = "", role: str = "img") -> Markup:
    """Return a figure with its caption; `role` is "group" for a picture that has links."""
    return Markup(
        '<figure class="{}"><div role="{}" aria-label="{}">{}</div><figcaption>{}</figcaption></figure>'
    ).format(kind, role, picture.caption, picture.svg, picture.caption)


def _with_code(text: str) -> Markup:
    """Return plain text with what stands between backticks set as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def _versions() -> dict[str, str]:
    # Not by importing them: scikit-learn alone takes most of a second.
    names = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn"}
    return {"python": platform.python_version()} | {key: version(name) for key, name in names.items()}
