"""Looks at pages of `distil report` in Chromium, as people and their screen readers do.

Usage: report.py PLAIN HOSTILE PICTURE, the pages of an image and of one with hostile names, and the file
that a picture of the first is written to. Prints what is wrong and exits with 1, or prints nothing.
"""

import json
import re
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

plain, hostile, picture = map(Path, sys.argv[1:])
wrong = []


def expect(is_so, what):
    if not is_so:
        wrong.append(what)


def opened(browser, path, **options):
    """A page, with everything that it should not do counted."""
    page = browser.new_page(**options)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (page.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: page.errors.append(f"console: {message.text}"))
    page.on(
        "request",
        lambda request: request.url.startswith("file:") or page.errors.append(f"request: {request.url}"),
    )
    page.goto(path.resolve().as_uri())
    return page


def large(path):
    """The page of an image with 2,000 packages and 100,000 files, from that of a real one."""
    text = path.read_text()
    start = text.index('id="data">') + len('id="data">')
    end = text.index("</script>", start)
    data = json.loads(text[start:end])
    image = data["image"]
    package = image["packages"][0]
    image["packages"] = [dict(package, name=f"package-{number}", size=number + 1) for number in range(2000)]
    row = next(row for row in image["files"]["rows"] if row[1] == 1)
    image["files"]["rows"] = [
        [f"/usr/lib/package-{number % 2000}/file-{number}", *row[1:]] for number in range(100_000)
    ]
    found = path.with_name("large.html")
    found.write_text(text[:start] + json.dumps(data).replace("<", "\\u003c") + text[end:])
    return found


def names(page):
    """What a screen reader finds that can be used and has no name."""
    return page.evaluate(
        """() => [...document.querySelectorAll("button, input, a")].filter((element) => {
            const label = element.labels && element.labels[0];
            const name = element.getAttribute("aria-label") || element.textContent || (label && label.textContent);
            return !name || !name.trim();
        }).map((element) => element.outerHTML)"""
    )


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

    page = opened(browser, plain, viewport={"width": 1200, "height": 900})
    expect(page.locator("h1").inner_text(), "the page has no name")
    parts = page.locator("#map button").count()
    expect(parts > 5, f"the map has {parts} parts")
    page.screenshot(path=picture)
    # By the keyboard alone: to the search, a word, a package, and what is told of it.
    page.focus("#search-packages")
    page.keyboard.type("libc6")
    page.wait_for_timeout(300)
    rows = page.locator("#packages tbody tr").count()
    expect(0 < rows < 5, f"a search for `libc6` shows {rows} packages")
    # Past the headings, by which the table is sorted.
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "libc6":
            break
    page.keyboard.press("Enter")
    detail = page.locator("#detail").inner_text()
    expect("Why it is there" in detail and "definition" in detail, f"of libc6 it is told: {detail}")
    expect(page.evaluate("document.activeElement.id") == "detail", "what is told of a package is not focused")
    page.fill("#search-files", "os-release")
    page.wait_for_timeout(300)
    expect("/usr/lib/os-release" in page.locator("#files").inner_text(), "a search for a file finds it not")
    page.check("input[value=directory]")
    expect("/usr" in page.locator("#map").inner_html(), "the map of directories has no /usr")
    expect(not names(page), f"without a name: {names(page)[:3]}")
    for table in page.locator("th").all():
        expect(table.get_attribute("scope") == "col", "a heading has no scope")
    expect(not page.errors, f"{page.errors}")

    def colours(scheme):
        other = opened(browser, plain, color_scheme=scheme)
        style = "getComputedStyle(document.body)"
        found = [other.evaluate(f"{style}.{name}") for name in ("color", "backgroundColor")]
        other.close()
        return found

    def luminance(colour):
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for scheme in ("light", "dark"):
        text, back = map(luminance, colours(scheme))
        contrast = (max(text, back) + 0.05) / (min(text, back) + 0.05)
        # WCAG 2.2, 1.4.6.
        expect(contrast >= 7, f"{scheme}: contrast {contrast:.1f}")
        expect((back > text) == (scheme == "light"), f"{scheme}: is not {scheme}")

    narrow = opened(browser, plain, viewport={"width": 360, "height": 640})
    width = narrow.evaluate("document.documentElement.scrollWidth")
    expect(width <= 360, f"a page 360 wide is {width} wide")

    page = opened(browser, hostile)
    page.fill("#search-files", "script")
    page.wait_for_timeout(300)
    text = page.locator("#files").inner_text()
    expect("<script>" in text, f"a name is not shown as it is: {text[:200]}")
    expect("\u202e" not in page.locator("body").inner_text(), "a mark that turns text around is in the text")
    for button in page.locator("#packages button, #map button").all()[:20]:
        button.click()
    expect(not page.errors, f"a hostile image: {page.errors}")

    # What is not looked at is not there: that is why a large one does not stutter.
    page = opened(browser, large(plain))
    elements = "document.getElementsByTagName('*').length"
    first = page.evaluate(elements)
    page.fill("#search-files", "file-99999")
    page.wait_for_timeout(500)
    expect(page.locator("#files tbody tr").count() == 1, "one of 100,000 files is not found")
    page.check("input[value=directory]")
    last = page.evaluate(elements)
    expect(max(first, last) < 6000, f"{first} and {last} elements")
    expect(not page.errors, f"a large image: {page.errors}")
    browser.close()

print("\n".join(wrong), end="")
sys.exit(bool(wrong))
