import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { announceMissing, announceReadiness, Ballot, press } from "../../src/elements/answers";
import type { Scope } from "../../src/elements/scope";
import { belongsToElement, bindShortcuts, boundName, shortcutsOn } from "../../src/elements/shortcuts";
import { bindTurns, takeTurn } from "../../src/elements/turn";

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

  it.each([
    ["\u315b", "KeyY", "y"], // Korean, Hangul mode
    ["Process", "KeyS", "s"], // the same on Windows
    ["\u0444", "KeyA", "a"], // Russian
    ["z", "KeyY", "z"], // German: the layout's own Latin letter counts
    ["S", "KeyS", "s"],
    ["1", "Digit1", "1"],
    ["Enter", "Enter", "Enter"],
    ["ArrowLeft", "ArrowLeft", "ArrowLeft"],
  ])("take %s at %s for %s", (name, code, bound) => {
    expect(boundName({ key: name, code })).toBe(bound);
  });

  it("work with a keyboard in Hangul mode", () => {
    expect(key("\u3134", document.body, { code: "KeyS" }).defaultPrevented).toBe(true);
    expect(run).toHaveBeenCalledTimes(1);
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

describe("sending a turn", () => {
  const turn = `<div id="turn" data-offline="Not sent." data-refused="Refused."><h1 tabindex="-1">one</h1>
    <form method="post" action="/rate/"><input type="radio" name="presence" value="PP" checked></form></div>
    <div id="toasts"></div><template id="toast-close"><button data-dismiss>x</button></template>`;
  const onTurn = vi.fn();
  const answer = vi.fn<typeof fetch>();

  /** Send the form and wait until the page has dealt with the answer. */
  async function send(response: Response | Error): Promise<void> {
    answer.mockReset();
    if (response instanceof Error) answer.mockRejectedValue(response);
    else answer.mockResolvedValue(response);
    const form = document.querySelector("form");
    form?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
    await vi.waitFor(() => {
      expect(answer).toHaveBeenCalledTimes(1);
      expect(document.querySelector("form[aria-busy]")).toBeNull();
    });
  }

  const page = (markup: string, status = 200): Response => new Response(markup, { status });
  const toast = (): string => document.querySelector("#toasts .toast span")?.textContent ?? "";

  beforeAll(() => {
    bindTurns(document, onTurn);
  });

  beforeEach(() => {
    vi.stubGlobal("fetch", answer);
    onTurn.mockClear();
    show(turn);
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it.each([200, 422])("goes on with the turn of an answer %d", async (status) => {
    await send(page(`<div id="turn"><h1 tabindex="-1">two</h1></div>`, status));
    expect(document.querySelector("#turn h1")?.textContent).toBe("two");
    expect(document.activeElement?.textContent).toBe("two");
    expect(onTurn).toHaveBeenCalledTimes(1);
  });

  it.each([
    [502, "Not sent."],
    [500, "Not sent."],
    [403, "Refused."],
    [404, "Refused."],
  ])("keeps the chosen answer when the server says %d", async (status, text) => {
    await send(page("<title>Sorry</title>", status));
    expect(document.querySelector<HTMLInputElement>("input:checked")?.value).toBe("PP");
    expect(toast()).toBe(text);
    expect(onTurn).not.toHaveBeenCalled();
  });

  it("keeps the chosen answer without a connection, says so once, and can be sent again", async () => {
    await send(new TypeError("offline"));
    await send(new TypeError("offline"));
    expect(document.querySelectorAll("#toasts .toast")).toHaveLength(1);
    await send(page(`<div id="turn"><h1 tabindex="-1">two</h1></div>`));
    expect(onTurn).toHaveBeenCalledTimes(1);
  });

  it("leaves what must be read until it is dismissed", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    await send(
      page(`<div id="turn"></div><div id="toasts"><p class="toast warning"><span>Not stored.</span>
      <button data-dismiss>x</button></p><p class="toast info"><span>Hello.</span></p></div>`),
    );
    expect(document.querySelectorAll("#toasts .toast")).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
    expect(document.querySelector("#toasts")?.textContent).toContain("Not stored.");
    expect(document.querySelector("#toasts")?.textContent).not.toContain("Hello.");
    expect(document.querySelector("#toasts .warning [data-dismiss]")).not.toBeNull();
  });
});

describe("a ballot that lacks an answer", () => {
  it("names the questions still to answer", () => {
    show(
      `<div id="turn"><form class="answers"><fieldset data-question data-title="Gain"><input type="radio" name="gain" required></fieldset>
       <p data-missing="Still to answer:" data-ready="Ready"></p></form></div>`,
    );
    announceMissing(document);
    const invalid = vi.fn<(event: Event) => void>();
    document.addEventListener("invalid", invalid, true);
    document.querySelector("form")?.checkValidity();
    document.removeEventListener("invalid", invalid, true);
    expect(document.querySelector("[data-missing]")?.textContent).toBe("Still to answer: Gain");
    expect(invalid.mock.calls[0]?.[0].defaultPrevented).toBe(true); // the note speaks, not the browser
    expect(document.activeElement?.getAttribute("name")).toBe("gain");
  });
});
