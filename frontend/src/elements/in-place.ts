/**
 * Forms marked data-in-place: sent without leaving the page, whose refreshed parts and messages are taken over.
 *
 * They are sent one after the other, so that nothing that a quick hand presses is lost.
 */

import { replaceParts } from "./refresh";
import { showToast, takeToasts } from "./toasts";

const PATIENCE_MS = 30_000;

/** Take the marked parts and the messages of another rendering of this page. */
export function takePage(page: Document, markup: string): void {
  const newer = new DOMParser().parseFromString(markup, "text/html");
  replaceParts(page, newer);
  takeToasts(page, newer);
}

/** What a page does around the answer to a form: `before` it is taken over, and with what that returned `after`. */
export interface Around<Kept> {
  before: (form: HTMLFormElement) => Kept;
  after: (kept: Kept) => void;
}

/** Send marked forms in place from here on. What `[data-offline]` holds is said where nothing was stored. */
export function bindInPlace<Kept>(page: Document, around: Around<Kept>): void {
  const say = (): void => {
    showToast(page, page.querySelector<HTMLElement>("[data-offline]")?.dataset["offline"] ?? "", "error");
  };
  const send = async (form: HTMLFormElement): Promise<void> => {
    form.setAttribute("aria-busy", "true");
    const next = form.querySelector<HTMLInputElement>("input[name=next]");
    if (next) next.value = location.pathname + location.search; // a script may have changed it since
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (!answer.ok) {
        say();
        return;
      }
      if (new URL(answer.url, location.href).pathname !== location.pathname) {
        location.assign(answer.url); // signed out meanwhile
        return;
      }
      const markup = await answer.text();
      const kept = around.before(form);
      // Parts are replaced even if the focus is in one: what was pressed changes them. `after` puts it back.
      const focused = page.activeElement;
      if (focused instanceof HTMLElement && focused.closest("[data-refresh]")) focused.blur();
      takePage(page, markup);
      around.after(kept);
    } catch {
      say();
    } finally {
      form.removeAttribute("aria-busy");
    }
  };
  let sent = Promise.resolve();
  page.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset["inPlace"] === undefined) return;
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return; // waits already
    form.setAttribute("aria-busy", "true");
    sent = sent.then(() => send(form));
  });
}
