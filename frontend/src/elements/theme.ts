/** Light or dark: the system's choice until a person makes one, which a cookie keeps for the server to render. */

const YEAR_S = 31_536_000;

export type Theme = "light" | "dark";

/** Tell which theme a document shows now. */
export function shownTheme(root: HTMLElement, systemIsDark: boolean): Theme {
  const chosen = root.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return systemIsDark ? "dark" : "light";
}

/** Let the bar's button turn the theme round. */
export function bindThemeSwitch(page: Document): void {
  const button = page.querySelector<HTMLButtonElement>("[data-theme-switch]");
  button?.addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const next: Theme = shownTheme(page.documentElement, dark) === "dark" ? "light" : "dark";
    page.documentElement.dataset["theme"] = next;
    page.cookie = `theme=${next}; path=/; max-age=${YEAR_S}; samesite=lax`;
  });
}
