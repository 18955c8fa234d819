/** <time datetime="…" data-local>: the reader's own time, the ISO form on hover. */

export function localTimes(scope: ParentNode, language = document.documentElement.lang): void {
  const format = new Intl.DateTimeFormat(language || "en", { dateStyle: "medium", timeStyle: "short" });
  for (const element of scope.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    element.textContent = format.format(moment);
    element.title = element.dateTime;
  }
}
