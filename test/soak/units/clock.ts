/** Several processors in real time: no clock goes backwards, the TSC stays Linux's clocksource, and nothing is stuck. */
import { build, microvm, pc } from '#machines';
import { compiled } from '../../support/compiled.ts';
import { bootSource } from '../guest/boot-source.ts';
import type { ClockUnit, Report } from '../unit.ts';

const worrying =
  'unstable|soft lockup|hard LOCKUP|rcu.*stall|self-detected stall|blocked for more than|TSC.*warp|WARNING:|BUG:';

const script = (seconds: number): string => `
dmesg -n 1
[ -x /bin/clock-check ] && /bin/clock-check ${seconds} || sleep ${seconds}
source=/sys/devices/system/clocksource/clocksource0/current_clocksource
for second in 1 2 3 4 5; do grep -q early $source && sleep 1; done
echo "clocksource $(cat $source)"
echo "watchdog $(dmesg | sed -n "s/.*'\\([a-z_-]*\\)' wd_nsec.*/\\1/p")"
echo COMPLAINTS
dmesg | grep -E '${worrying}'
echo NONE`;

export async function runClock({ profile, place, processors, cpu, seconds }: ClockUnit): Promise<Report> {
  const program = compiled(new URL('../guest/clock-check.c', import.meta.url));
  const files = program ? [{ kind: 'file' as const, path: 'bin/clock-check', content: program, mode: 0o755 }] : [];
  const boot = await bootSource({ script: script(seconds), files, disk: false, clock: 'host' });
  const machine = (profile === 'pc' ? pc : microvm).with({ processors, cpu, boot, clock: 'host', memory: '192 MiB' });
  await using running = await build(machine, place);
  const { kind } = await running.run({ timeout: '5 min' });
  const log = running.serial.text.replaceAll('\r', '');
  return { log, ...judge(log, kind, processors, program !== undefined) };
}

/** Whether what the guest said is all well. `checked`: it had the program that reads the clocks. */
export function judge(
  log: string,
  kind: string,
  processors: number,
  checked: boolean,
): Pick<Report, 'failures' | 'counts'> {
  const failures: string[] = [];
  const counts: Record<string, number> = {};
  if (kind !== 'powerOff') failures.push(`it ended with ${kind}`);
  for (const clock of checked ? ['monotonic', 'tsc'] : []) {
    const match = new RegExp(`^${clock} readings (\\d+) backwards (\\d+) worst (\\d+)$`, 'm').exec(log);
    const [readings, backwards, worst] = (match?.slice(1) ?? []).map(Number) as [number?, number?, number?];
    if (readings === undefined) failures.push(`${clock}: not a word`);
    counts[`${clock} readings`] = readings ?? 0;
    if (backwards) failures.push(`${clock} went backwards ${backwards} times of ${readings}, by ${worst} at worst`);
  }
  if (checked && !new RegExp(`^processors ${processors}$`, 'm').test(log))
    failures.push(`not all of ${processors} processors came up`);
  // Without an HPET Linux compares the TSC with its own count of ticks until it has found the PM timer. A busy host makes it miss ticks.
  const missedTicks = /^watchdog refined-jiffies$/m.test(log);
  if (missedTicks) counts['TSC compared with ticks'] = 1;
  const source = /^clocksource (.*)$/m.exec(log)?.[1];
  if (source !== (missedTicks ? 'acpi_pm' : 'tsc')) failures.push(`the clocksource is ${source}, not tsc`);
  const said = /^COMPLAINTS\n([\s\S]*?)^NONE$/m.exec(log)?.[1] ?? '';
  const complaints = said.split('\n').filter(line => line && !(missedTicks && /TSC|tsc/.test(line)));
  failures.push(...complaints.slice(0, 6).map(line => `kernel: ${line}`));
  return { failures, counts };
}
