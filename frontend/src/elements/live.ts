/** Pages of something that goes on: their parts are taken anew every few seconds while any is marked data-goes-on. */

import { refreshParts } from "./refresh";

const WAIT_MS = 3_000;
const HIDDEN_WAIT_MS = 30_000;

/** Refresh while something goes on; `onEnded` runs once when nothing does any more. */
export function watchLive(page: Document, onEnded: () => void = () => undefined): void {
  const goesOn = (): boolean => page.querySelector("[data-goes-on]") !== null;
  let before = goesOn();
  const look = async (): Promise<void> => {
    if (goesOn()) await refreshParts(page).catch(() => undefined); // the next attempt may reach the server again
    if (before && !goesOn()) onEnded();
    before = goesOn();
    setTimeout(() => void look(), page.hidden ? HIDDEN_WAIT_MS : WAIT_MS);
  };
  setTimeout(() => void look(), WAIT_MS);
}
