/// <reference types="vitest/config" />
import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

// Every file in src/pages is the script of one page; its template names it with {% vite_asset %}.
const pages = readdirSync(new URL("src/pages", import.meta.url))
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/pages/${name}`);

export default defineConfig({
  base: "./",
  publicDir: "public",
  build: {
    outDir: "dist",
    manifest: "manifest.json",
    target: "es2022",
    modulePreload: { polyfill: false },
    // The policy forbids data: scripts and styles; a small file more costs less than an exception.
    assetsInlineLimit: 0,
    rolldownOptions: { input: pages },
  },
  test: {
    environment: "happy-dom",
    include: ["tests/**/*.test.ts"],
  },
});
