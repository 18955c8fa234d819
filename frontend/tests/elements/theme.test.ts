import { expect, test } from "vitest";
import { bindThemeSwitch, shownTheme } from "../../src/elements/theme";

test("the system decides until a person does", () => {
  const root = document.createElement("html");
  expect(shownTheme(root, true)).toBe("dark");
  expect(shownTheme(root, false)).toBe("light");
  root.dataset["theme"] = "light";
  expect(shownTheme(root, true)).toBe("light");
});

test("the switch turns the theme round and keeps it in a cookie", () => {
  document.body.innerHTML = "<button data-theme-switch></button>";
  document.documentElement.dataset["theme"] = "light";
  bindThemeSwitch(document);
  document.querySelector("button")?.click();
  expect(document.documentElement.dataset["theme"]).toBe("dark");
  expect(document.cookie).toContain("theme=dark");
});
