"""The form in a browser: by keyboard, with wrong entries, when nobody has time, without its script.

Sources: https://www.w3.org/WAI/WCAG22/quickref/ (1.4.3, 1.4.10, 2.1.1, 2.4.3, 2.5.8, 3.3.1, 4.1.3)
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Retry-After
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lambdas.intake.form import FIELDS, Submission
from lambdas.intake.logic.show_form import SAY_AGAIN, SAY_REUSED, SAY_WRONG
from sfnlocal.errors import ApiError, LostAnswerError
from sfnlocal.testing import LocalApp
from tests.e2e.browser import Browser, Page
from tests.e2e.front import Front
from tests.workflows.accidents import Accidents

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("accidents")]

LOST = LostAnswerError("nobody answered")
BUSY = ApiError("ThrottlingException", "Rate exceeded")
NAMES = [field.name for field in FIELDS]
PROBLEM = {field.name: field.problem for field in FIELDS}
HURRY = 100
ENTRIES = Submission(
    name="Ada Lovelace",
    email="ada@example.com",
    topic="invoice",
    message="Line one\nand <two>",
    consent=True,
)


@contextmanager
def opened(browser: Browser, front: Front, **options: Any) -> Iterator[Page]:
    with browser.page(**options) as page:
        page.hurry(HURRY)
        page.open(front.url)
        yield page


@pytest.fixture
def page(browser: Browser, front: Front) -> Iterator[Page]:
    with opened(browser, front) as page:
        yield page


def fill(page: Page, **changes: str) -> None:
    for name in ("name", "email", "message"):
        page.value(f"document.getElementById('{name}').value = ''")
        page.click(f"#{name}")
        page.type(changes.get(name, ENTRIES[name]))
    page.value(f"document.getElementById('topic').value = '{ENTRIES['topic']}'")
    if not page.value("document.getElementById('consent').checked"):
        page.click("#consent")


def send(page: Page) -> None:
    page.click("button")


def entered(page: Page) -> Submission:
    found: Submission = page.value(
        "Object.fromEntries([...document.querySelectorAll('#entries [name]')].map((one) =>"
        " [one.name, one.type === 'checkbox' ? one.checked : one.value]))"
    )
    return found


def marked(page: Page) -> list[str]:
    found: list[str] = page.value(
        "[...document.querySelectorAll('#entries [aria-invalid=\"true\"]')].map((one) => one.name)"
    )
    return found


def says(page: Page, text: str) -> None:
    page.until(f"document.getElementById('status').textContent.includes({text!r})")


def confirmed(page: Page) -> str:
    """The reference, once the page confirms."""
    page.until("!document.getElementById('done').hidden")
    return str(page.value("document.getElementById('reference').textContent"))


def stored(desk: LocalApp, front: Front) -> dict[str, Any]:
    """Entries by reference."""
    with front.turn:
        return {item["submissionId"]: item["entries"] for item in desk.items("Submissions")}


def taken(page: Page, desk: LocalApp, front: Front) -> Any:
    """What is stored of what the page confirms."""
    reference = confirmed(page)
    return stored(desk, front)[reference]


def test_the_keyboard_is_enough(page: Page, desk: LocalApp, front: Front) -> None:
    seen = []
    for _ in range(6):
        page.press("Tab")
        seen.append(page.focused)
        match page.focused:
            case "topic":
                page.press("ArrowDown")
                page.press("ArrowDown")
            case "consent":
                page.press(" ")
            case "name" | "email" | "message" as field:
                page.type(ENTRIES[field])
    assert seen == [*NAMES, "button"]
    page.press("Enter")
    reference = confirmed(page)
    assert page.focused == "done-title"
    assert stored(desk, front)[reference] == ENTRIES
    page.press("Tab")
    page.press("Enter")
    page.until("document.getElementById('form') && !document.getElementById('form').hidden")
    assert entered(page)["name"] == ""


def test_what_is_missing_is_told_to_eye_and_ear_and_gets_the_focus(page: Page) -> None:
    send(page)
    says(page, SAY_WRONG)
    assert marked(page) == NAMES
    assert page.focused == NAMES[0]
    for field in FIELDS:
        told = page.described(f"#{field.name}")
        assert told["name"] == field.label
        assert told["invalid"] == "true"
        assert told["description"].endswith(field.problem)
        assert page.text(f"#{field.name}-problem") == field.problem
    assert page.described("#status")["role"] == "status"


def test_what_the_workflow_refuses_is_marked_and_taken_when_it_is_mended(
    page: Page, desk: LocalApp, front: Front
) -> None:
    before = stored(desk, front)
    fill(page, name="   ", email="ada@example")
    send(page)
    says(page, SAY_WRONG)
    assert (marked(page), page.focused) == (["name", "email"], "name")
    assert page.text("#email-problem") == PROBLEM["email"]
    assert entered(page)["message"] == ENTRIES["message"]
    assert stored(desk, front) == before
    fill(page)
    send(page)
    assert taken(page, desk, front) == ENTRIES
    assert len(stored(desk, front)) == len(before) + 1


def test_when_the_api_has_no_room_the_page_sends_it_again_by_itself(
    page: Page, desk: LocalApp, front: Front
) -> None:
    before = stored(desk, front)
    with front.turn:
        # Their lack of a key is told by the function; the route's burst is used up.
        while desk.request("POST", "/submissions", api="IntakeApi").status != 429:
            pass
    fill(page)
    send(page)
    says(page, "sent again in")
    assert entered(page) == ENTRIES
    with front.turn:
        desk.advance(seconds=5)
    assert taken(page, desk, front) == ENTRIES
    assert len(stored(desk, front)) == len(before) + 1


def test_who_does_not_want_to_wait_sends_now(
    browser: Browser, desk: LocalApp, front: Front, accidents: Accidents
) -> None:
    with browser.page() as page:
        page.open(front.url)
        fill(page)
        accidents.happen("StartSyncExecution", BUSY)
        send(page)
        says(page, "Your entries are kept, and sent again in 5 seconds.")
        assert page.text("button") == "Send now"
        assert page.value("document.getElementById('entries').disabled")
        accidents.end()
        send(page)
        assert taken(page, desk, front) == ENTRIES


def test_an_answer_that_is_lost_makes_no_second_submission(
    page: Page, desk: LocalApp, front: Front, accidents: Accidents
) -> None:
    before = stored(desk, front)
    fill(page)
    accidents.happen("StartSyncExecution", LOST)
    send(page)
    says(page, "sent again in")
    accidents.end()
    reference = confirmed(page)
    assert stored(desk, front) == {**before, reference: ENTRIES}


def test_without_a_network_the_page_waits_for_it(page: Page, desk: LocalApp, front: Front) -> None:
    fill(page)
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.call("Network.enable")
    page.call("Network.emulateNetworkConditions", offline=True, **network)
    send(page)
    says(page, "sent again in")
    page.call("Network.emulateNetworkConditions", offline=False, **network)
    assert taken(page, desk, front) == ENTRIES


def test_the_page_gives_up_in_the_end_and_keeps_what_was_entered(
    page: Page, desk: LocalApp, front: Front, accidents: Accidents
) -> None:
    fill(page)
    accidents.happen("StartSyncExecution", BUSY)
    send(page)
    says(page, SAY_AGAIN)
    assert (page.text("button"), entered(page)) == ("Send", ENTRIES)
    assert not page.value("document.getElementById('entries').disabled")
    accidents.end()
    send(page)
    assert taken(page, desk, front) == ENTRIES


def test_other_entries_do_not_replace_those_that_came_first(
    page: Page, desk: LocalApp, front: Front, accidents: Accidents
) -> None:
    fill(page)
    accidents.happen("StartSyncExecution", LOST)
    send(page)
    says(page, SAY_AGAIN)
    accidents.end()
    first = stored(desk, front)
    fill(page, message="Something else")
    send(page)
    says(page, SAY_REUSED)
    assert stored(desk, front) == first


def test_the_form_works_without_its_script(browser: Browser, desk: LocalApp, front: Front) -> None:
    with opened(browser, front, script=False) as page:
        fill(page, email="ada@example")
        send(page)
        says(page, SAY_WRONG)
        assert (marked(page), page.focused) == (["email"], "email")
        assert entered(page) == {**ENTRIES, "email": "ada@example"}
        fill(page)
        send(page)
        assert taken(page, desk, front) == ENTRIES


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_fits_the_screen_and_the_finger(
    browser: Browser, front: Front, tmp_path: Path, width: int
) -> None:
    with opened(browser, front, width=width, height=844) as page:
        send(page)
        says(page, SAY_WRONG)
        assert page.value("document.documentElement.scrollWidth") <= width
        heights = page.value(
            "[...document.querySelectorAll('input:not([type=hidden]):not([type=checkbox]), select,"
            " textarea, button, .tick label')].map((one) => one.getBoundingClientRect().height)"
        )
        assert min(heights) >= 24
        page.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 10_000


# The ratio of the text's luminance and that of what is behind it, for every text that is shown.
CONTRASTS = """(() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => rgb(color).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    return rgb(color)[3] === 0 ? behind(node.parentElement) : color;
  };
  const shown = [...document.querySelectorAll("main *")].filter((node) => node.checkVisibility()
    && [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim()));
  return shown.map((node) => {
    const [low, high] = [getComputedStyle(node).color, behind(node)].map(light)
      .sort((a, b) => a - b);
    return [node.textContent.trim(), (high + 0.05) / (low + 0.05)];
  });
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(page: Page, scheme: str) -> None:
    page.call(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    send(page)
    says(page, SAY_WRONG)
    contrasts = page.value(CONTRASTS)
    assert len(contrasts) >= 15
    assert {text: ratio for text, ratio in contrasts if ratio < 4.5} == {}


def test_the_page_runs_no_script_but_its_own(page: Page) -> None:
    page.value(
        "(() => { const own = document.createElement('script'); own.textContent = 'window.x = 1';"
        " document.body.append(own); const other = document.createElement('div');"
        ' other.innerHTML = \'<img src="data:," onerror="window.x = 2">\';'
        " document.body.append(other); })()"
    )
    page.until("document.querySelector('img').complete")
    assert page.value("typeof window.x") == "undefined"
