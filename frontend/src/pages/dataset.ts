/** The dataset page: asks for new counts when the stored ones are old, and takes them in without a reload. */

import { refreshParts } from "../elements/refresh";

const RETRY_MS = 3_000;
const MAX_RETRIES = 40;

async function countAnew(form: HTMLFormElement): Promise<void> {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/json" },
  });
  if (answer.status === 200) await refreshParts(document);
  if (answer.status === 202) await waitForJob(MAX_RETRIES);
}

async function waitForJob(left: number): Promise<void> {
  const before = document.querySelector("[data-refresh='as-of'] time")?.getAttribute("datetime");
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  await refreshParts(document).catch(() => undefined); // the next attempt may reach the server again
  const after = document.querySelector("[data-refresh='as-of'] time")?.getAttribute("datetime");
  if (after === before && left > 0) await waitForJob(left - 1);
}

const form = document.querySelector<HTMLFormElement>("#refresh");
if (form?.dataset["stale"] !== undefined) void countAnew(form);
document.addEventListener("jobs-finished", () => {
  if (form) void countAnew(form);
});
