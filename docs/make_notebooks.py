"""Write `examples/*.ipynb`, the chapters of docs/tutorial as notebooks: `python docs/make_notebooks.py [--check]`.

A chapter is text in MyST Markdown with `{code-cell}` blocks. The notebook has the same text and code and no outputs, so that
its bytes depend on the chapter alone.
"""

import re
import sys
from pathlib import Path

import jupytext

CHAPTERS = sorted((Path(__file__).parent / "tutorial").glob("[0-9]*.md"))
EXAMPLES = Path(__file__).parents[1] / "examples"


def notebook(chapter: Path) -> str:
    """Return a chapter as the text of a notebook."""
    cells = jupytext.read(chapter)
    for number, cell in enumerate(cells.cells):
        cell["id"] = f"{chapter.stem}-{number}"  # jupytext draws random ones
        cell["metadata"] = {}  # tags are for the site
        if cell["cell_type"] == "markdown":  # links to chapters and to other pages, as seen from examples
            cell["source"] = re.sub(r"\]\((\d\d_\w+)\.md", r"](\1.ipynb", cell["source"]).replace("](../", "](../docs/")
    cells.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return jupytext.writes(cells, fmt="ipynb") + "\n"


def main() -> None:
    """Write the notebooks, or name those that are not what their chapter says."""
    stale = []
    for chapter in CHAPTERS:
        path, text = EXAMPLES / f"{chapter.stem}.ipynb", notebook(chapter)
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(str(path))
    if stale:
        sys.exit(f"{', '.join(stale)} differ from docs/tutorial: run python docs/make_notebooks.py")


if __name__ == "__main__":
    main()
