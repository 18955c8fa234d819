/**
 * One judgement after the other without loading the page anew.
 *
 * A form inside `#turn` is sent as the browser would send it; of the page that answers, only `#turn` and the
 * messages are taken over, so that what was loaded ahead stays. Without scripts the same form works by itself.
 */

import { ahead } from "../audio/store";
import { showToast } from "./toasts";

interface Ahead {
  audio_url: string;
  picture_url: string;
  peaks_url: string;
}

/** Load what the page says comes next. */
export function loadAhead(page: Document): Promise<unknown> {
  const listed = page.getElementById("upcoming")?.textContent;
  const upcoming = listed ? (JSON.parse(listed) as Ahead[]) : [];
  return ahead.keep(upcoming.flatMap((one) => [one.audio_url, one.picture_url, one.peaks_url]));
}

/** Put the turn and the messages of another page in place of this page's; false if it has none. */
export function takeTurn(page: Document, markup: string): boolean {
  const answer = new DOMParser().parseFromString(markup, "text/html");
  const next = answer.getElementById("turn");
  const now = page.getElementById("turn");
  if (!next || !now) return false;
  now.replaceWith(page.importNode(next, true));
  page.title = answer.title;
  page.getElementById("toasts")?.replaceChildren();
  for (const toast of answer.querySelectorAll("#toasts .toast > span"))
    showToast(page, toast.textContent.trim());
  return true;
}

/** Send the turn's forms from here on; `onTurn` runs after each new turn. */
export function bindTurns(page: Document, onTurn: () => void): void {
  let sending = false;
  const send = async (form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> => {
    sending = true;
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form, submitter),
        headers: { "X-Earmark-Turn": "1" }, // the next turn at once, without a redirect
      });
      const elsewhere = new URL(answer.url).pathname !== location.pathname;
      if (elsewhere || !takeTurn(page, await answer.text())) {
        location.assign(answer.url); // signed out meanwhile, or a page of another kind
        return;
      }
      page.querySelector<HTMLElement>("#turn h1")?.focus({ preventScroll: true });
      onTurn();
    } catch {
      showToast(page, page.getElementById("turn")?.dataset["offline"] ?? "", "error");
    } finally {
      form.removeAttribute("aria-busy");
      sending = false;
    }
  };
  page.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.closest("#turn")) return;
    event.preventDefault();
    if (!sending) void send(form, event.submitter);
  });
}
