/** Label verification: the list of runs follows them; costs are estimated when the known ones are old. */

import "../styles/verification.css";
import "../styles/verification-pages.css";
import { watchLive } from "../elements/live";
import { refreshParts } from "../elements/refresh";

async function estimate(form: HTMLFormElement): Promise<void> {
  await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/json" },
  });
  await refreshParts(document);
}

const form = document.querySelector<HTMLFormElement>("#estimate");
if (form?.dataset["stale"] !== undefined) void estimate(form);
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  void estimate(form);
});
watchLive(document);
