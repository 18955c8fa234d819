/** Short messages at the foot of the page; errors stay until dismissed. */

const STAY_MS = 10_000;

export function bindToasts(page: Document): void {
  page.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
  });
  for (const toast of page.querySelectorAll<HTMLElement>(".toast:not(.error, .warning)")) {
    setTimeout(() => {
      toast.remove();
    }, STAY_MS);
  }
}

/** Show a message as a toast; `kind` "error" stays until dismissed. */
export function showToast(page: Document, text: string, kind: "info" | "error" = "info"): HTMLElement {
  const toast = page.createElement("p");
  toast.className = `toast ${kind}`;
  toast.append(text);
  page.getElementById("toasts")?.append(toast);
  setTimeout(
    () => {
      toast.remove();
    },
    kind === "error" ? STAY_MS * 3 : STAY_MS,
  );
  return toast;
}
