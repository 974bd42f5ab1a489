"""Run a page in headless Chromium, where there is one."""

import json
import os
import re
import shutil
import subprocess

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
IN_A_BROWSER = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")

LISTEN = """<script>
window.faults = [];
window.addEventListener("error", (event) => faults.push(String(event.message)));
console.error = (...parts) => faults.push(parts.join(" "));
</script>"""


def in_browser(page, script, folder):
    """What a script that runs after the page's own gives back, and the errors there were."""
    finish = (
        f"<script>const answer = (() => {{ {script} }})(); const out = document.createElement('pre'); out.id = 'answer';"
        "out.textContent = JSON.stringify({answer, faults}); document.body.append(out);</script></body>"
    )
    path = folder / "page.html"
    path.write_text(page.replace("<head>", "<head>" + LISTEN).replace("</body>", finish), "utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
        "--disable-component-update", "--no-first-run", f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000",
        "--virtual-time-budget=5000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(folder)})
    found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    text = found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(text)
