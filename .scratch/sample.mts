import { allRows, rowsOf } from '/work/wt/vex/test/oracle/coverage.ts';
import { freshCases } from '/work/wt/vex/test/oracle/fresh.ts';

const faults: Record<string, number> = {};
let n = 0;
let hi = 0;
const rows = new Set<string>();
for (const batch of freshCases({ seed: 7, limit: 3000, groups: ['avx'] }))
  for (const c of batch) {
    n++;
    const f = c.fault ? String(c.fault.vector) : 'none';
    faults[f] = (faults[f] ?? 0) + 1;
    if (n % 300 === 0) console.log(c.text, f, Buffer.from(c.bytes).toString('hex'));
    for (const r of rowsOf(c)) rows.add(r);
    let d = false;
    for (let i = 512; i < 768; i++) if (c.before.fx[i] !== c.after.fx[i]) d = true;
    if (d) hi++;
  }
console.log(n, faults, 'upper changed', hi);
console.log(allRows(64).filter(r => r.includes('[vex') && !rows.has(r)));
