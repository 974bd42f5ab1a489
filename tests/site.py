"""Check a built site: ``python -m tests.site FOLDER`` names dead links, and pages that are wider than a phone.

A link within the site leads to a page and to an element of it; addresses elsewhere are not fetched. Wide tables, code and
pictures scroll in a box of their own: every page is opened in a frame as wide as a phone, in headless Chromium. Without
Chromium the widths are not checked, and that is said.
"""

from __future__ import annotations

import contextlib
import functools
import html.parser
import http.server
import json
import queue
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

from tests.viz.graphs.browser import BROWSER

PHONE = 390  # pixels
FRAMES = """<!doctype html><script>
async function measure(pages, width) {
  const found = {};
  for (const page of pages) {
    const frame = document.createElement("iframe");
    frame.style = `width: ${width}px; height: 844px; border: 0`;
    const loaded = new Promise((done) => { frame.onload = done; });
    frame.src = page;
    document.body.append(frame);
    await loaded;
    const view = frame.contentDocument.documentElement;
    const wide = [...view.querySelectorAll("article *")].filter((e) => e.getBoundingClientRect().right > width + 1);
    found[page] = [view.scrollWidth, wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 120))];
    frame.remove();
  }
  await fetch("/", { method: "POST", body: JSON.stringify(found) });
}
addEventListener("load", () => measure(PAGES, WIDTH));
</script><body>"""


class Page(html.parser.HTMLParser):
    """The addresses that a page links to, and the names of its elements."""

    def __init__(self, text: str):
        super().__init__()
        self.links: set[str] = set()
        self.names: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key in {"href", "src"} and tag != "link":
                self.links.add(value or "")
            elif key == "id" or (key == "name" and tag == "a"):
                self.names.add(value or "")


def dead_links(folder: Path) -> list[str]:
    """Return the links that lead to no page of a site, or to no element of it."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html") if "_static" not in path.parts}
    dead = []
    for path, page in pages.items():
        for link in sorted(page.links):
            scheme, host, target, _, _, name = urllib.parse.urlparse(link)
            if scheme or host:
                continue
            at = (path.parent / urllib.parse.unquote(target)).resolve() if target else path.resolve()
            found = next((other for other in pages if other.resolve() == at), None)
            if not at.exists() or (found and urllib.parse.unquote(name) not in pages[found].names):
                dead.append(f"{path.relative_to(folder)}: {link}")
    return dead


def wide_pages(folder: Path, width: int = PHONE) -> dict[str, tuple[int, list[str]]]:
    """Return the pages of a site that are wider than the screen: how wide they are, and elements that stand out."""
    assert BROWSER is not None
    pages = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html") if "_static" not in path.parts)
    start = FRAMES.replace("PAGES", json.dumps(pages)).replace("WIDTH", str(width)).encode()
    answers: queue.Queue[str] = queue.Queue()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/frames":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(start)
            return None

        def do_POST(self) -> None:
            answers.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Chromium's helpers may still write to the profile while they end.
    with server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
            "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}", "--remote-debugging-port=0",
            f"http://127.0.0.1:{server.server_port}/frames",
        ]  # fmt: skip
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            found = json.loads(answers.get(timeout=300))
        finally:
            browser.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                browser.wait(10)
            server.shutdown()
    assert sorted(found) == pages
    return {page: (size, elements) for page, (size, elements) in found.items() if size > width}


def main(folder: Path) -> None:
    problems = [f"dead link in {link}" for link in dead_links(folder)]
    if BROWSER is None:
        print("no Chromium: the widths of the pages are not checked")
    else:
        problems += [
            "\n  ".join([f"{page} is {size} px wide on a screen of {PHONE} px", *elements])
            for page, (size, elements) in wide_pages(folder).items()
        ]
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
