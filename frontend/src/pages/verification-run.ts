/** The page of one run: follows it while it goes on; then the slider, and labels to hear from the keyboard. */

import "../styles/verification.css";
import "../styles/verification-pages.css";
import "../styles/listen.css";
import "../elements/player";
import { bindPrecision } from "../elements/acceptance";
import { auditionBindings, bindAudition, goOn, offerUndo, originOf } from "../elements/audition";
import { bindInPlace, takePage } from "../elements/in-place";
import { watchLive } from "../elements/live";
import { bindShortcuts, playerBindings } from "../elements/shortcuts";

/** Take the page of another address in place of this one's parts. */
async function visit(address: URL): Promise<void> {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  history.replaceState(null, "", address);
  takePage(document, await answer.text());
}

bindShortcuts(document, { ...playerBindings(document), ...auditionBindings(document) });
bindAudition(document);
bindInPlace(document, {
  before: (form) => originOf(document, form),
  after: (origin) => {
    goOn(document, origin);
    if (origin.accepted) offerUndo(document, origin.accepted);
  },
});
bindPrecision(document, (form) => {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") query.set(name, value);
  void visit(new URL(`${location.pathname}?${query}`, location.href));
});
watchLive(document, () => {
  location.reload(); // what was found needs more of the page than was drawn while it went on
});
