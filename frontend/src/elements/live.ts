/** Pages of something that goes on: their parts are taken anew every few seconds while any is marked data-goes-on. */

import { refreshParts } from "./refresh";

const WAIT_MS = 3_000;
const HIDDEN_WAIT_MS = 30_000;

/** Refresh while something goes on; `onEnded` runs once when nothing does any more. */
export function watchLive(page: Document, onEnded: () => void = () => undefined): void {
  const goesOn = (rendering: Document): boolean => rendering.querySelector("[data-goes-on]") !== null;
  let before = goesOn(page);
  const look = async (): Promise<void> => {
    if (before || goesOn(page)) {
      // Asked of the answer: a part that the focus is in keeps its old mark.
      const newer = await refreshParts(page).catch(() => undefined); // the next attempt may reach the server again
      const now = newer ? goesOn(newer) : true;
      if (!now) onEnded();
      before = now;
      if (!now)
        for (const part of page.querySelectorAll("[data-goes-on]")) part.removeAttribute("data-goes-on");
    }
    setTimeout(() => void look(), page.hidden ? HIDDEN_WAIT_MS : WAIT_MS);
  };
  setTimeout(() => void look(), WAIT_MS);
}
