/** Privileged behaviour: hundreds of snippets in every protected mode, on our CPU and on QEMU's. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { amd } from '../../../../../core/processor/cpu/models.ts';
import { Segment } from '../../../../../core/processor/state/layout.ts';
import { Computer } from '../../../../support/computer.ts';
import { needs } from '../../../../support/needs.ts';
import { assembleImage, type Image, type Plan, places, type Snippet } from './image.ts';
import { longPlan, longSnippets } from './long-snippets.ts';
import { protectedPlan, protectedSnippets } from './protected-snippets.ts';

const qemu = 'qemu-system-x86_64';
const whereQemuIs = needs(qemu, 'as', 'ld', 'objcopy', 'nm');

const consolePort = 0xe9;
const exitPort = 0x501;
const resumeFlag = 0x1_0000;

/** QEMU starts at the reset vector, which jumps to the image. */
function onQemu(image: Image): string {
  const cwd = mkdtempSync(join(tmpdir(), 'virt64-qemu-'));
  try {
    const rom = new Uint8Array(0x1_0000);
    rom.set([0xea, places.kernel & 0xff, places.kernel >> 8, 0, 0], 0xfff0);
    writeFileSync(join(cwd, 'rom'), rom);
    const loaders = image.flatMap(({ address, bytes }, n) => {
      writeFileSync(join(cwd, `piece${n}`), bytes);
      return ['-device', `loader,file=piece${n},addr=${address},force-raw=on`];
    });
    const machine = ['-M', 'pc', '-accel', 'tcg', '-cpu', 'EPYC,+smap,+smep', '-m', '64', '-nic', 'none', '-no-reboot'];
    const quiet = ['-display', 'none', '-serial', 'none', '-monitor', 'none', '-debugcon', 'file:log'];
    const exit = ['-device', `isa-debug-exit,iobase=${exitPort},iosize=4`];
    spawnSync(qemu, [...machine, ...quiet, ...exit, '-bios', 'rom', ...loaders], { cwd, timeout: 600_000 });
    return readFileSync(join(cwd, 'log'), 'latin1');
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

function onOurs(image: Image, engine: 'interpreter' | 'jit'): string {
  const m = new Computer(amd(), { memory: 64 << 20, engine });
  for (const { address, bytes } of image) m.host.memory.bytes.set(bytes, m.host.memory.offset(address));
  const { cpu } = m;
  cpu.state.setSegment(Segment.cs, 0, 0x9b, 0xffff, 0, 0);
  cpu.state.setRip(places.kernel, 0);
  cpu.derive();
  let log = '';
  for (let slices = 0; slices < 1000; ) {
    const exit = cpu.run(100_000);
    if (exit.reason === 'io') {
      if (exit.port === exitPort) return log;
      if (exit.port === consolePort) log += String.fromCharCode(cpu.outputValue(exit.size));
      if (exit.input) cpu.completeInput(exit.size, 0xff);
      else cpu.completeInstruction();
    } else if (exit.reason === 'msr') cpu.injectFault(13, 0);
    else if (exit.reason === 'budget') slices++;
    else return `${log}${exit.reason}`;
  }
  return log;
}

/** By snippet: what it ended with. QEMU does not put RF into the images of faults, which is flags' column. */
function outcomes(log: string, flags: number): Map<number, string> {
  const found = new Map<number, string>();
  for (const line of log.split('\n')) {
    const [index, ...columns] = line.trim().split(' ');
    if (columns.length < 10) continue;
    columns[flags] = (Number.parseInt(columns[flags], 16) & ~resumeFlag).toString(16);
    found.set(Number.parseInt(index!, 16), columns.join(' '));
  }
  return found;
}

const agrees = test.macro({
  exec(t, plan: Plan, snippets: readonly Snippet[], engine: 'interpreter' | 'jit') {
    const image = assembleImage(plan, snippets);
    const theirs = outcomes(onQemu(image), 4);
    const ours = outcomes(onOurs(image, engine), 4);
    t.is(theirs.size, snippets.length);
    const wrong = snippets.flatMap(({ mode, code }, n) =>
      ours.get(n) === theirs.get(n) ? [] : [`${mode} ${code}\n  ours  ${ours.get(n)}\n  QEMU's ${theirs.get(n)}`],
    );
    t.deepEqual(wrong.slice(0, 20), []);
    t.log(`${snippets.length} snippets`);
  },
  title: (_, plan: Plan, _snippets, engine) =>
    `${engine}: ${plan.wide ? '64-bit and compatibility' : 'protected and virtual-8086'} mode as on QEMU`,
});

for (const engine of ['interpreter', 'jit'] as const) {
  whereQemuIs(agrees, longPlan, longSnippets, engine);
  whereQemuIs(agrees, protectedPlan, protectedSnippets, engine);
}
