/** Forms marked data-in-place: sent without leaving the page, whose refreshed parts and messages are taken over. */

import { replaceParts } from "./refresh";
import { takeToasts } from "./toasts";

const PATIENCE_MS = 30_000;

/** Take the marked parts and the messages of another rendering of this page. */
export function takePage(page: Document, markup: string): void {
  const newer = new DOMParser().parseFromString(markup, "text/html");
  replaceParts(page, newer);
  takeToasts(page, newer);
}

/** Send marked forms in place from here on; `onTaken` runs after each. Offline, the browser sends them as usual. */
export function bindInPlace(page: Document, onTaken: () => void = () => undefined): void {
  let sending = false;
  const send = async (form: HTMLFormElement): Promise<void> => {
    sending = true;
    form.setAttribute("aria-busy", "true");
    const next = form.querySelector<HTMLInputElement>("input[name=next]");
    if (next) next.value = location.pathname + location.search; // a script may have changed it since
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (new URL(answer.url, location.href).pathname !== location.pathname) {
        location.assign(answer.url); // signed out meanwhile
        return;
      }
      // Parts are replaced even if the focus is in one: what was pressed changes them. `onTaken` puts it back.
      const focused = page.activeElement;
      if (focused instanceof HTMLElement && focused.closest("[data-refresh]")) focused.blur();
      takePage(page, await answer.text());
      onTaken();
    } catch {
      form.submit();
    } finally {
      form.removeAttribute("aria-busy");
      sending = false;
    }
  };
  page.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset["inPlace"] === undefined) return;
    event.preventDefault();
    if (!sending) void send(form);
  });
}
