/**
 * One judgement after the other without loading the page anew.
 *
 * A form inside `#turn` is sent as the browser would send it; of the page that answers, only `#turn` and the
 * messages are taken over, so that what was loaded ahead stays. Without scripts the same form works by itself.
 */

import { ahead } from "../audio/store";
import { showToast, takeToasts } from "./toasts";

const PATIENCE_MS = 30_000;

interface Ahead {
  audio_url: string;
  picture_url: string;
  peaks_url: string;
}

/** Load what the page says comes next. */
export function loadAhead(page: Document): Promise<unknown> {
  const listed = page.getElementById("upcoming")?.textContent;
  const upcoming = listed ? (JSON.parse(listed) as Ahead[]) : [];
  return ahead.keep(upcoming.flatMap((one) => [one.picture_url, one.peaks_url, one.audio_url]));
}

/** Put the turn and the messages of another page in place of this page's; false if it has none. */
export function takeTurn(page: Document, markup: string): boolean {
  const answer = new DOMParser().parseFromString(markup, "text/html");
  const next = answer.getElementById("turn");
  const now = page.getElementById("turn");
  if (!next || !now) return false;
  now.replaceWith(page.importNode(next, true));
  page.title = answer.title;
  takeToasts(page, answer);
  return true;
}

/** Send the turn's forms from here on; `onTurn` runs after each new turn. */
export function bindTurns(page: Document, onTurn: () => void): void {
  let sending = false;
  const say = (what: "offline" | "refused"): void => {
    showToast(page, page.getElementById("turn")?.dataset[what] ?? "", "error");
  };
  const send = async (form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> => {
    sending = true;
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form, submitter),
        headers: { "X-Earmark-Turn": "1" }, // the next turn at once, without a redirect
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      if (new URL(answer.url, location.href).pathname !== location.pathname) {
        location.assign(answer.url); // signed out meanwhile
        return;
      }
      if (!takeTurn(page, await answer.text())) {
        // Neither taken nor shown again: the chosen answer must stay on the page.
        say(answer.status >= 400 && answer.status < 500 ? "refused" : "offline");
        return;
      }
      page.querySelector<HTMLElement>("#turn h1")?.focus({ preventScroll: true });
      onTurn();
    } catch {
      say("offline");
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
