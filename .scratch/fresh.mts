import { snippets } from '/work/wt/vex/test/oracle/groups.ts';
import { Random } from '/work/wt/vex/test/oracle/random.ts';
import { NativeProcessor, record } from '/work/wt/vex/test/oracle/toolchain.ts';
import { templates } from '/work/wt/vex/test/oracle/templates/avx.ts';
import { oracleEngines } from '/work/wt/vex/test/support/engines.ts';
const [pattern, count, seed='1', mode='64'] = process.argv.slice(2);
const re = new RegExp(pattern!);
const group = { name: 'x', mode: Number(mode) as 64, count: 0, sequences: 0, templates: templates.filter(t => re.test(t.name)) };
const source = snippets(group, new Random(Number(seed)));
using p = new NativeProcessor();
let n = 0, failed = 0; const by: Record<string, number> = {};
const refusals = new Map<string, number>();
for (let total = 0; total < Number(count); total += 500) {
  const batch = Array.from({ length: 500 }, () => source.next().value);
  for (const item of record(p, batch, c => refusals.set(c, 1))) {
    n++;
    for (const [name, check] of Object.entries(oracleEngines)) {
      const wrong = check(item);
      if (wrong.length) { const k = `${name} ${item.mnemonics}`; by[k] = (by[k] ?? 0) + 1; if (failed++ < 6) console.log(name, item.text, Buffer.from(item.bytes).toString('hex'), 'mxcsr', Buffer.from(item.before.fx.slice(24,28)).toString('hex'), '\n   ', wrong.join('\n    ')); }
    }
  }
}
console.log(group.templates.length, 'templates', n, 'cases', failed, 'failures', [...refusals.keys()].slice(0,3)); console.log(by);
