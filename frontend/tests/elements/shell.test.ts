import { beforeEach, expect, test, vi } from "vitest";
import { showJobs } from "../../src/elements/job-pill";
import { localTimes } from "../../src/elements/local-times";
import { closeMenusOutside } from "../../src/elements/menus";
import { replaceParts } from "../../src/elements/refresh";
import { rowBindings } from "../../src/elements/row-keys";
import { bindShortcuts } from "../../src/elements/shortcuts";
import { bindToasts, showToast } from "../../src/elements/toasts";

beforeEach(() => {
  document.body.innerHTML = "";
});

function press(key: string, target: EventTarget = document.activeElement ?? document.body): void {
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

test("the pill shows jobs and hides when there are none", () => {
  document.body.innerHTML = `<a id="job-pill" hidden><svg><circle class="ring-done"/></svg>
    <span data-part="count"></span><span data-part="percent"></span></a>`;
  const pill = document.getElementById("job-pill") as HTMLElement;
  showJobs(pill, { count: 3, percent: 40 });
  expect(pill.hidden).toBe(false);
  expect(pill.querySelector("[data-part=percent]")?.textContent).toBe("· 40 %");
  expect(pill.querySelector(".ring-done")?.getAttribute("stroke-dasharray")).toBe("40 100");
  showJobs(pill, { count: 0, percent: null });
  expect(pill.hidden).toBe(true);
});

test("times are local, with the ISO form on hover; what is no time stays", () => {
  document.body.innerHTML = `<time data-local datetime="2026-11-21T03:00:00+00:00">raw</time>
    <time data-local datetime="soon">soon</time>`;
  localTimes(document, "en");
  const [first, second] = document.querySelectorAll("time");
  expect(first?.textContent).toContain("2026");
  expect(first?.title).toBe("2026-11-21T03:00:00+00:00");
  expect(second?.textContent).toBe("soon");
});

test("rows are walked by J and K, which are letters again inside a field", () => {
  document.body.innerHTML = `<input type="search"><table data-row-keys>
    <tr><td><a class="row-link" href="#1">1</a></td></tr><tr><td><a class="row-link" href="#2">2</a></td></tr></table>`;
  const scope = bindShortcuts(document, rowBindings(document));
  press("j");
  press("j");
  press("j");
  expect(document.activeElement?.textContent).toBe("2");
  press("k");
  expect(document.activeElement?.textContent).toBe("1");
  press("/");
  const search = document.querySelector("input");
  expect(document.activeElement).toBe(search);
  press("j");
  expect(document.activeElement).toBe(search);
  scope.dispose();
});

test("newer parts replace older ones, but not the one a person is in", () => {
  document.body.innerHTML = `<p data-refresh="a">1</p><p data-refresh="b"><button>old</button></p>`;
  document.querySelector("button")?.focus();
  const newer = new DOMParser().parseFromString(
    `<p data-refresh="a">2</p><p data-refresh="b"><button>new</button></p>`,
    "text/html",
  );
  replaceParts(document, newer);
  expect(document.querySelector("[data-refresh=a]")?.textContent).toBe("2");
  expect(document.querySelector("button")?.textContent).toBe("old");
});

test("menus close on Escape and on a click elsewhere", () => {
  document.body.innerHTML = `<details class="person" open><summary>me</summary></details><main></main>`;
  closeMenusOutside(document);
  const menu = document.querySelector("details") as HTMLDetailsElement;
  document
    .querySelector("summary")
    ?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  menu.open = true;
  press("Escape", document.body);
  expect(menu.open).toBe(false);
  menu.open = true;
  document.querySelector("main")?.click();
  expect(menu.open).toBe(false);
});

test("a toast goes by itself, an error when it is dismissed", () => {
  vi.useFakeTimers();
  document.body.innerHTML = `<div id="toasts"><p class="toast error">bad<button data-dismiss></button></p></div>`;
  bindToasts(document);
  showToast(document, "stored");
  expect(document.querySelectorAll(".toast")).toHaveLength(2);
  vi.advanceTimersByTime(10_001);
  expect(document.querySelectorAll(".toast")).toHaveLength(1);
  document.querySelector("button")?.click();
  expect(document.querySelectorAll(".toast")).toHaveLength(0);
  vi.useRealTimers();
});
