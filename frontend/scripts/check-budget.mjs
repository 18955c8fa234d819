/** The rating page's script, with all that it imports, must stay below 80 kB gzipped. Fails with the figures. */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 80;
const PAGES = ["src/pages/rate.ts", "src/pages/vote.ts"];

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("manifest.json", dist), "utf8"));

function filesOf(entry, seen = new Set()) {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  for (const next of manifest[entry].imports ?? []) filesOf(next, seen);
  return seen;
}

let failed = false;
for (const page of PAGES) {
  const entries = new Set([...filesOf(page), ...filesOf("src/pages/shell.ts")]);
  const bytes = [...entries]
    .map((entry) => gzipSync(readFileSync(new URL(manifest[entry].file, dist)), { level: 9 }).length)
    .reduce((sum, size) => sum + size, 0);
  const kilobytes = bytes / 1000;
  console.log(`${page}: ${kilobytes.toFixed(1)} kB of script (gzip), budget ${BUDGET_KB} kB`);
  failed ||= kilobytes > BUDGET_KB;
}
process.exit(failed ? 1 : 0);
