/** Short messages at the foot of the page; errors and warnings stay until dismissed. */

const STAY_MS = 10_000;

export function bindToasts(page: Document): void {
  page.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  });
  for (const toast of page.querySelectorAll<HTMLElement>("#toasts .toast")) endInTime(toast);
}

/** Put the messages of another rendering of the page in place of this page's. */
export function takeToasts(page: Document, newer: Document): void {
  const place = page.getElementById("toasts");
  place?.replaceChildren();
  for (const toast of newer.querySelectorAll<HTMLElement>("#toasts .toast")) {
    const adopted = page.importNode(toast, true);
    place?.append(adopted);
    endInTime(adopted);
  }
}

/** Show a message as a toast; `kind` "error" stays until dismissed, and an earlier one of the same words goes. */
export function showToast(page: Document, text: string, kind: "info" | "error" = "info"): HTMLElement {
  const place = page.getElementById("toasts");
  for (const earlier of place?.querySelectorAll(".toast > span") ?? []) {
    if (earlier.textContent === text) earlier.parentElement?.remove();
  }
  const toast = page.createElement("p");
  toast.className = `toast ${kind}`;
  const words = page.createElement("span");
  words.append(text);
  toast.append(words);
  const close = page.querySelector<HTMLTemplateElement>("template#toast-close");
  if (close) toast.append(close.content.cloneNode(true));
  place?.append(toast);
  endInTime(toast);
  return toast;
}

function endInTime(toast: HTMLElement): void {
  if (toast.matches(".error, .warning")) return;
  setTimeout(() => {
    toast.remove();
  }, STAY_MS);
}
