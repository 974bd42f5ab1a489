"""Check a built site as a phone shows it: ``python -m tests.site FOLDER`` names the pages that are wider than the screen.

Wide tables, code and pictures scroll in a box of their own. Every page is opened in a frame as wide as a phone, in headless
Chromium; without Chromium nothing is checked, and that is said.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import queue
import subprocess
import sys
import tempfile
import threading
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
    if BROWSER is None:
        return print("no Chromium: the widths of the pages are not checked")
    wide = wide_pages(folder)
    for page, (size, elements) in wide.items():
        print(f"{page} is {size} px wide on a screen of {PHONE} px:", *elements, sep="\n  ")
    return sys.exit(bool(wide))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
