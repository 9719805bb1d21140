/** What ava's report says, in one line: its marks counted, and what its summary says beyond them. It names no passes where tests failed. */
export function countsOf(report: string, status: number): string {
  const plain = report.replace(/\x1b\[[\d;]*m/g, '');
  const marks = (pattern: RegExp): number => plain.match(pattern)?.length ?? 0;
  const passed = marks(/^ {2}[✔√] /gm);
  const failed = marks(/^ {2}[✘✖×] \[fail\]: /gm);
  const skipped = marks(/^ {2}- \[skip\] /gm);
  const summary = plain.slice(plain.lastIndexOf('\n  ─'));
  const others = [...summary.matchAll(/^ {2}(\d+ .+)$/gm)].map(match => match[1]);
  const more = others.filter(line => !/^\d+ tests? (passed|failed|skipped)$/.test(line));
  const silent = status !== 0 && failed === 0 && more.length === 0 ? [`ava ended with status ${status}`] : [];
  return [`${passed} passed`, `${failed} failed`, `${skipped} skipped`, ...more, ...silent].join(', ');
}
