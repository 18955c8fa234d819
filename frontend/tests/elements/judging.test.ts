import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { announceMissing, announceReadiness, Ballot, press } from "../../src/elements/answers";
import type { Scope } from "../../src/elements/scope";
import { belongsToElement, bindShortcuts, shortcutsOn } from "../../src/elements/shortcuts";
import { takeTurn } from "../../src/elements/turn";

const question = (name: string): string => `<fieldset data-question>
  <input type="radio" name="${name}" value="yes" required><input type="radio" name="${name}" value="no" required></fieldset>`;

function show(markup: string): void {
  document.body.innerHTML = markup;
}

function key(name: string, target: EventTarget = document.body, init: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", {
    key: name,
    bubbles: true,
    cancelable: true,
    composed: true,
    ...init,
  });
  target.dispatchEvent(event);
  return event;
}

describe("a ballot", () => {
  beforeEach(() => {
    show(
      `<div id="turn"><form class="answers">${question("gain")}${question("privacy")}<p data-ready="Ready"></p></form></div>`,
    );
  });

  it("asks one question after the other", () => {
    const ballot = new Ballot(document);
    ballot.ask();
    expect(ballot.asked).toBe(ballot.questions[0]);
    ballot.answer("yes");
    expect(ballot.asked).toBe(ballot.questions[1]);
    ballot.answer("no");
    expect(ballot.asked).toBeUndefined();
    expect(ballot.answer("yes")).toBe(false);
    const chosen = [...document.querySelectorAll<HTMLInputElement>("input:checked")].map(
      (input) => input.value,
    );
    expect(chosen).toEqual(["yes", "no"]);
  });

  it("lets an answer be changed before it is sent", () => {
    const ballot = new Ballot(document);
    ballot.ask();
    ballot.answer("yes");
    ballot.ask(ballot.questions[0]);
    ballot.answer("no");
    expect(document.querySelector<HTMLInputElement>("[name=gain]:checked")?.value).toBe("no");
  });

  it("says when it can be sent, and keeps the focus out of the answers", () => {
    announceReadiness(document);
    press(document, "[name=gain][value=yes]");
    expect(document.querySelector("[data-ready]")?.textContent).toBe("");
    press(document, "[name=privacy][value=no]");
    expect(document.querySelector("[data-ready]")?.textContent).toBe("Ready");
    expect(document.activeElement).toBe(document.body);
  });
});

describe("shortcuts", () => {
  let scope: Scope;
  const run = vi.fn();

  beforeEach(() => {
    localStorage.clear();
    run.mockClear();
    show(`<input id="text"><textarea></textarea><button>b</button><input type="radio" id="radio">
      <dialog id="shortcuts"><input type="checkbox" data-shortcuts-on></dialog>`);
    scope = bindShortcuts(document, { s: run, " ": run, ArrowLeft: run });
  });

  afterEach(() => {
    scope.dispose();
  });

  it("work anywhere but in text fields", () => {
    expect(key("s").defaultPrevented).toBe(true);
    key("S");
    expect(run).toHaveBeenCalledTimes(2);
    for (const field of document.querySelectorAll("#text, textarea")) key("s", field);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it("leave keys with modifiers to the browser", () => {
    key("s", document.body, { ctrlKey: true });
    key("s", document.body, { metaKey: true });
    key("s", document.body, { altKey: true });
    expect(run).not.toHaveBeenCalled();
  });

  it("leave space to buttons and arrows to answers", () => {
    const radio = document.querySelector<HTMLInputElement>("#radio");
    expect(belongsToElement(" ", document.querySelector("button") ?? undefined)).toBe(true);
    expect(belongsToElement("ArrowLeft", radio ?? undefined)).toBe(true);
    expect(belongsToElement(" ", radio ?? undefined)).toBe(true);
    if (radio) radio.checked = true;
    expect(belongsToElement(" ", radio ?? undefined)).toBe(false);
    expect(belongsToElement("s", document.querySelector("button") ?? undefined)).toBe(false);
  });

  it("can be switched off as a whole and stay off", () => {
    const toggle = document.querySelector<HTMLInputElement>("[data-shortcuts-on]");
    expect(toggle?.checked).toBe(true);
    toggle?.click();
    expect(shortcutsOn()).toBe(false);
    key("s");
    expect(run).not.toHaveBeenCalled();
  });

  it("are gone when their scope is", () => {
    scope.dispose();
    key("s");
    expect(run).not.toHaveBeenCalled();
  });
});

describe("a turn", () => {
  it("takes over only the turn and the messages of the page that answers", () => {
    show(`<h2>kept</h2><div id="turn">old</div><div id="toasts"></div>`);
    const taken = takeTurn(
      document,
      `<title>Next</title><h2>other</h2><div id="turn"><h1>new</h1></div>
       <div id="toasts"><p class="toast"><span>Counted before.</span></p></div>`,
    );
    expect(taken).toBe(true);
    expect(document.querySelector("#turn h1")?.textContent).toBe("new");
    expect(document.querySelector("h2")?.textContent).toBe("kept");
    expect(document.querySelector("#toasts")?.textContent).toContain("Counted before.");
  });

  it("refuses a page of another kind", () => {
    show(`<div id="turn">old</div>`);
    expect(takeTurn(document, "<title>Sign in</title>")).toBe(false);
    expect(document.querySelector("#turn")?.textContent).toBe("old");
  });
});

describe("a ballot that lacks an answer", () => {
  it("names the questions still to answer", () => {
    show(
      `<div id="turn"><form class="answers"><fieldset data-question data-title="Gain"><input type="radio" name="gain" required></fieldset>
       <p data-missing="Still to answer:" data-ready="Ready"></p></form></div>`,
    );
    announceMissing(document);
    document.querySelector("form")?.checkValidity();
    expect(document.querySelector("[data-missing]")?.textContent).toBe("Still to answer: Gain");
  });
});
