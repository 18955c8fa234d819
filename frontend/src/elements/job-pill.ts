/** The bar's pill of running jobs: asks the server while jobs run, more seldom while the page is hidden. */

export interface RunningJobs {
  count: number;
  percent: number | null;
}

const BUSY_MS = 3_000;
const IDLE_MS = 30_000;

/** Write the figures into the pill; the dot keeps one job at 0 % from reading "1 0 %". */
export function showJobs(pill: HTMLElement, jobs: RunningJobs): void {
  pill.hidden = jobs.count === 0;
  const part = (name: string): Element | null => pill.querySelector(`[data-part="${name}"]`);
  part("count")?.replaceChildren(String(jobs.count));
  part("percent")?.replaceChildren(jobs.percent === null ? "" : `· ${jobs.percent} %`);
  pill.querySelector(".ring-done")?.setAttribute("stroke-dasharray", `${jobs.percent ?? 0} 100`);
}

/** Keep the pill up to date until the page goes away; a page without a pill asks nothing. */
export function watchJobs(page: Document): void {
  const pill = page.getElementById("job-pill");
  const source = pill?.dataset["source"];
  if (!pill || !source) return;
  const ask = async (): Promise<void> => {
    let wait = IDLE_MS;
    try {
      const answer = await fetch(source, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const before = pill.hidden;
        const jobs = (await answer.json()) as RunningJobs;
        showJobs(pill, jobs);
        if (jobs.count > 0) wait = BUSY_MS;
        if (!before && jobs.count === 0) page.dispatchEvent(new CustomEvent("jobs-finished"));
      }
    } catch {
      // Offline for a moment: the next question will tell.
    }
    setTimeout(() => void ask(), page.hidden ? IDLE_MS : wait);
  };
  setTimeout(() => void ask(), pill.hidden ? IDLE_MS : BUSY_MS);
}
