import { beforeEach, expect, test, vi } from "vitest";
import { chosenPoint, showPrecision, type Point } from "../../src/elements/acceptance";
import { goOn, hear, offerUndo, originOf } from "../../src/elements/audition";
import { bindInPlace } from "../../src/elements/in-place";
import { watchLive } from "../../src/elements/live";
import { replaceParts } from "../../src/elements/refresh";

const CURVE: Point[] = [
  [0.1, 40, 0.85],
  [0.5, 20, 0.97],
  [0.9, 10, 0.995],
];

beforeEach(() => {
  document.body.innerHTML = "";
});

test("the most labels that keep a precision are chosen, to the last digit", () => {
  expect(chosenPoint(CURVE, 0.8)).toBe(CURVE[0]);
  expect(chosenPoint(CURVE, 0.85)).toBe(CURVE[0]);
  expect(chosenPoint(CURVE, 0.8500001)).toBe(CURVE[1]);
  expect(chosenPoint(CURVE, 0.97 + 1e-15)).toBe(CURVE[1]);
  expect(chosenPoint(CURVE, 0.999)).toBeUndefined();
  expect(chosenPoint([], 0)).toBeUndefined();
});

test("figures, mark, form and button follow the slider", () => {
  document.documentElement.lang = "en";
  document.body.innerHTML = `<svg data-curve='${JSON.stringify(CURVE)}' data-judged="50" data-low="0.8"><g data-mark
    visibility="hidden"></g></svg><b data-out="precision"></b><b data-out="accepted"></b><b data-out="assured"></b>
    <b data-out="threshold"></b><input data-chosen><button data-accept disabled></button>`;
  const text = (name: string): string | null | undefined =>
    document.querySelector(`[data-out=${name}]`)?.textContent;
  showPrecision(document, 0.96);
  expect([text("precision"), text("accepted"), text("assured"), text("threshold")]).toEqual([
    "96.0",
    "20",
    "97.0",
    "0.500",
  ]);
  const mark = document.querySelector("[data-mark]");
  expect(mark?.hasAttribute("visibility")).toBe(false);
  const [x, y] = (mark?.getAttribute("transform") ?? "").match(/[\d.]+/g)?.map(Number) ?? [];
  expect(x).toBeCloseTo(40);
  expect(y).toBeCloseTo(15);
  expect(document.querySelector<HTMLInputElement>("input")?.value).toBe("0.96");
  expect(document.querySelector<HTMLButtonElement>("button")?.disabled).toBe(false);
  showPrecision(document, 1);
  expect(text("accepted")).toBe("0");
  expect(mark?.getAttribute("visibility")).toBe("hidden");
  expect(document.querySelector<HTMLButtonElement>("button")?.disabled).toBe(true);
});

const row = (name: string, act = "accept"): string =>
  `<div data-label id="${name}"><button data-hear></button>
    <form class="label-act" action="/d/x/verification/1/${act}/" data-in-place>
      <input name="annotation" value="${name}"><button data-key="a">Accept</button></form>
    <template><i>${name}</i></template></div>`;
const list = (...names: string[]): string =>
  `<div data-refresh="labels"><div id="audition" hidden></div>${names.map((name) => row(name)).join("")}</div>`;
const heard = (): string | null | undefined => document.querySelector("#audition i")?.textContent;

test("after a label left its list, the one that took its place is heard; past the end, the last", () => {
  document.body.innerHTML = list("1", "2");
  const form = document.querySelector<HTMLFormElement>("form") as HTMLFormElement;
  expect(originOf(document, form)).toEqual({ place: 0, heard: false, accepted: "1" });
  goOn(document, { place: -1, heard: true, accepted: "" });
  expect(heard()).toBeUndefined();
  goOn(document, { place: 0, heard: false, accepted: "" });
  expect(heard()).toBeUndefined();
  expect(document.activeElement?.textContent).toBe("Accept");
  hear(document, document.getElementById("1") as HTMLElement);
  expect(originOf(document, form)).toEqual({ place: 0, heard: true, accepted: "1" });
  goOn(document, { place: 7, heard: true, accepted: "" });
  expect(heard()).toBe("2");
});

test("words that are given quickly are all sent, one after the other, each taken back by its own message", async () => {
  document.body.innerHTML = `${list("1", "2", "3")}<template id="undo-one"><form><input name="annotation"></form>
    </template><div id="toasts"></div>`;
  const answers = [list("2", "3"), list("3")];
  const asked: string[] = [];
  vi.stubGlobal("fetch", (_: string, { body }: { body: FormData }) => {
    asked.push(
      new URLSearchParams(
        [...body].map(([name, value]) => [name, typeof value === "string" ? value : ""]),
      ).get("annotation") ?? "",
    );
    const page = `${answers.shift() ?? ""}<div id="toasts"><p class="toast"><span>1 label accepted.</span></p></div>`;
    const answer = new Response(page);
    Object.defineProperty(answer, "url", { value: location.href });
    return Promise.resolve(answer);
  });
  const offered: string[] = [];
  bindInPlace(document, {
    before: (form) => originOf(document, form),
    after: (origin) => {
      goOn(document, origin);
      offered.push(origin.accepted);
      offerUndo(document, origin.accepted);
    },
  });
  hear(document, document.getElementById("1") as HTMLElement);
  const [one, two] = document.querySelectorAll<HTMLFormElement>("[data-label] form");
  one?.requestSubmit();
  one?.requestSubmit();
  two?.requestSubmit();
  await vi.waitFor(() => {
    expect(offered).toEqual(["1", "2"]);
  });
  expect(asked).toEqual(["1", "2"]);
  expect(heard()).toBe("3");
  expect(document.querySelector<HTMLInputElement>("#toasts form input")?.value).toBe("2");
  vi.unstubAllGlobals();
});

test("a word that was not stored says so and leaves the page as it is", async () => {
  document.body.innerHTML = `${list("1")}<template data-offline="Not stored."></template><div id="toasts"></div>`;
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("no", { status: 403 })));
  const after = vi.fn();
  bindInPlace(document, { before: () => undefined, after });
  document.querySelector<HTMLFormElement>("form")?.requestSubmit();
  await vi.waitFor(() => {
    expect(document.querySelector(".toast.error")?.textContent).toContain("Not stored.");
  });
  expect(after).not.toHaveBeenCalled();
  expect(document.querySelector("form")?.hasAttribute("aria-busy")).toBe(false);
  vi.unstubAllGlobals();
});

test("what a person ticked stays ticked when its part is taken anew", () => {
  const box = (value: string): string => `<input type="checkbox" name="run" value="${value}">`;
  document.body.innerHTML = `<div data-refresh="a">${box("1")}${box("2")}</div>`;
  (document.querySelector("input[value='2']") as HTMLInputElement).checked = true;
  const newer = new DOMParser().parseFromString(
    `<div data-refresh="a">${box("3")}${box("2")}</div>`,
    "text/html",
  );
  replaceParts(document, newer);
  expect([...document.querySelectorAll("input")].map((one) => one.checked)).toEqual([false, true]);
});

test("the newest message offers to take the acceptance back", () => {
  document.body.innerHTML = `<template id="undo-one"><form><input name="annotation"></form></template>
    <div id="toasts"><p class="toast"><span>1 label accepted.</span><button></button></p></div>`;
  offerUndo(document, "17");
  expect(document.querySelector<HTMLInputElement>("#toasts form input")?.value).toBe("17");
});

test("what a person opened stays open when its part is taken anew", () => {
  document.body.innerHTML = `<div data-refresh="a"><details open><summary>t</summary></details>1</div>`;
  const newer = new DOMParser().parseFromString(
    `<div data-refresh="a"><details><summary>t</summary></details>2</div>`,
    "text/html",
  );
  replaceParts(document, newer);
  expect(document.querySelector("[data-refresh]")?.textContent).toContain("2");
  expect(document.querySelector("details")?.open).toBe(true);
});

test("a page is taken anew while something goes on, and told when nothing does any more", async () => {
  vi.useFakeTimers();
  document.body.innerHTML = `<p data-refresh="state" data-goes-on>1</p>`;
  const answers = [
    `<p data-refresh="state" data-goes-on>2</p>`,
    `<p data-refresh="state">done</p>`,
    `<p data-refresh="state">never asked</p>`,
  ];
  const asked = vi.fn(() => Promise.resolve(new Response(answers.shift())));
  vi.stubGlobal("fetch", asked);
  const ended = vi.fn();
  watchLive(document, ended);
  await vi.advanceTimersByTimeAsync(3_100);
  expect(document.querySelector("p")?.textContent).toBe("2");
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(6_100);
  expect(document.querySelector("p")?.textContent).toBe("done");
  expect(ended).toHaveBeenCalledOnce();
  expect(asked).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
