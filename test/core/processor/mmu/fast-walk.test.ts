/** The page walk of generated code against the whole one: where it answers, that one gives the same address and changes nothing. */
import test from 'ava';
import { PhysicalMemory } from '../../../../core/processor/memory/physical-memory.ts';
import { fetcher, quicken } from '../../../../core/processor/mmu/fast-walk.ts';
import { Mmu } from '../../../../core/processor/mmu/mmu.ts';
import { eptFormat, type NestedFormat, nptFormat } from '../../../../core/processor/mmu/nested-formats.ts';
import { NestedWalk } from '../../../../core/processor/mmu/nested-paging.ts';
import { state as layout } from '../../../../core/processor/state/layout.ts';
import { mode64 } from '../../../../core/processor/state/mode.ts';
import { Cr0, Cr4, Efer, Flag } from '../../../../core/processor/state/registers.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';

const block = 0x1_0000;
const codePages = 0x2_0000;
const ram = 0x3_0000;
const size = 0x20_0000;
const tables = 0x10;
/** Page of the nested top table; three follow. */
const nestedRoot = 0x100;
const formats = {
  'no second dimension': undefined,
  NPT: nptFormat({ noExecute: true, physicalBits: 40, hugePages: true }),
  'NPT without NX': nptFormat({ noExecute: false, physicalBits: 40, hugePages: true }),
  EPT: eptFormat({ accessedDirty: false, physicalBits: 40, executeOnly: true, hugePages: true }),
  'EPT with accessed and dirty bits': eptFormat({
    accessedDirty: true,
    physicalBits: 40,
    executeOnly: true,
    hugePages: true,
  }),
} as const;

function machine(seed: number) {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 });
  const { buffer } = memory;
  const physical = new PhysicalMemory(buffer, codePages);
  physical.map({ base: 0, size, offset: ram, writable: true });
  physical.map({ base: 0x30_0000, size: 0x1000, offset: ram + size, writable: false });
  const state = new StateBlock(buffer, block);
  const mmu = new Mmu(state, physical, { physicalBits: 40, hugePages: true });
  let random = seed;
  const next = (below: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (random >>> 8) % below;
  };
  const words = new Int32Array(buffer, ram, size / 4);
  return { memory, physical, state, mmu, next, words };
}

/** An entry with nearly everything set, so that many walks succeed: now and then a bit is missing, or one too many. */
function fill({ words, next }: ReturnType<typeof machine>): void {
  for (let table = 1; table < tables; table++) {
    for (let index = 0; index < 512; index++) {
      const at = table * 1024 + index * 2;
      const target = next(8) === 0 ? next(0x310) : 1 + next(tables - 1);
      let low = (target << 12) | 0x67;
      if (next(4) === 0) low &= ~(1 << [0, 1, 2, 5, 6][next(5)]);
      if (next(12) === 0) low = (low & ~0x1f_f000) | 0x80;
      if (next(40) === 0) low |= 0x2000;
      words[at] = low;
      words[at + 1] = next(24) === 0 ? 1 << (next(2) === 0 ? 31 : 12) : 0;
    }
  }
}

/** Changes when any bit of the tables does. */
function sumOf(words: Int32Array): number {
  let sum = 0;
  for (let n = 1024; n < tables * 1024; n++) sum = (Math.imul(sum, 31) + words[n]) | 0;
  for (let n = nestedRoot * 1024; n < (nestedRoot + 4) * 1024; n++) sum = (Math.imul(sum, 31) + words[n]) | 0;
  return sum;
}

/**
 * Nested tables above the guest's: guest-physical page n is physical page n, but for a few that are elsewhere, or not to
 * be used.
 */
function fillNested({ words, next, physical }: ReturnType<typeof machine>, format: NestedFormat): NestedWalk {
  const npt = format.name === 'npt';
  const [table, page] = npt ? [0x67, 0x67] : [0x107, 0x337];
  const at = (index: number) => nestedRoot * 1024 + index * 2;
  const put = (index: number, frame: number, low: number, high = 0) => {
    words[at(index)] = (frame << 12) | low;
    words[at(index) + 1] = high;
  };
  // Rarely a right is missing on the way, or a bit is set that only pages have.
  const upper = () => (next(6) === 0 ? table ^ (1 << [1, 2, 3, 5][next(4)]) : table);
  put(0, nestedRoot + 1, upper());
  put(512, nestedRoot + 2, upper());
  put(512 + 1, 0, (next(2) === 0 ? page : page & ~7) | 0x80);
  put(1024, nestedRoot + 3, upper());
  // The second 2 MiB, in one piece.
  put(1024 + 1, 0, page | 0x80);
  for (let n = 0; n < 512; n++) {
    let low = page;
    let high = 0;
    // CR3's own page lets every walk begin.
    const odd = (one: number) => n !== 1 && next(one) === 0;
    if (odd(8)) low &= ~(1 << [0, 1, 2, 5, 6, 8, 9][next(7)]);
    if (odd(16)) high = 1 << (next(2) === 0 ? 31 : 12);
    put(1536 + n, odd(16) ? next(0x200) : n, low, high);
  }
  return new NestedWalk(physical, format, nestedRoot << 12, 0);
}

const addressOf = (next: (below: number) => number): [low: number, high: number] => {
  const high = next(0x8000) - (next(2) === 0 ? 0x8000 : 0);
  return [(next(0x1_0000) << 16) | next(0x1_0000), next(20) === 0 ? high ^ 0x1_0000 : high];
};

for (const [name, cpl, cr4, cr0, flags, efer] of [
  ['supervisor', 0, 0, Cr0.wp, 0, Efer.nxe],
  ['supervisor without WP and NX', 0, 0, 0, 0, 0],
  ['supervisor with SMEP and SMAP', 0, Cr4.smep | Cr4.smap, Cr0.wp, 0, Efer.nxe],
  ['SMAP opened', 0, Cr4.smep | Cr4.smap, Cr0.wp, Flag.ac, Efer.nxe],
  ['user', 3, 0, Cr0.wp, 0, Efer.nxe],
] as const)
  for (const [dimension, format] of Object.entries(formats))
    test(`${name}, ${dimension}: generated and whole walks agree`, t => {
      const it = machine(cpl * 1000 + cr4 + cr0 + flags + 1);
      const { memory, physical, state, mmu, next, words } = it;
      fill(it);
      state.cr0 = Cr0.pe | Cr0.pg | cr0;
      state.cr4 = Cr4.pae | cr4;
      state.efer = Efer.lme | Efer.lma | efer;
      state.systemFlags = flags;
      state.cpl = cpl;
      state.mode = mode64;
      state.set64(layout.cr3.offset, 0x1000, 0);
      physical.markCode(ram + 0x5000);
      mmu.refresh();
      const quick = {
        read: quicken(memory, () => 0, false),
        write: quicken(memory, () => 0, true),
        execute: fetcher(memory),
      };
      const answered = { read: 0, write: 0, execute: 0 };
      for (let n = 0; n < 3000; n++) {
        // Few nested entries are used by one guest.
        if (format && n % 100 === 0) {
          mmu.paging.nested = fillNested(it, format);
          mmu.refresh();
        }
        const [low, high] = addressOf(next);
        const bytes = [1, 2, 4, 8, 16][next(5)];
        const kind = (['read', 'write', 'execute'] as const)[n % 3];
        const address = quick[kind](block, low, high, bytes);
        if (address === 0) continue;
        answered[kind]++;
        mmu.tlb.clear();
        const bounce = state.u8.slice(layout.bounce.offset, layout.bounce.offset + bytes);
        const before = sumOf(words);
        const whole =
          kind === 'read'
            ? mmu.translateRead(low, high, bytes)
            : kind === 'write'
              ? mmu.translateWrite(low, high, bytes)
              : mmu.fetch(low, high);
        t.is(address, whole, `${kind} of ${bytes} bytes at ${high.toString(16)}:${low.toString(16)}`);
        t.is(sumOf(words), before);
        if (address === block + layout.bounce.offset)
          t.deepEqual(state.u8.slice(layout.bounce.offset, layout.bounce.offset + bytes), bounce);
        mmu.tlb.clear();
      }
      t.true(answered.read > 10 && answered.write > 10 && answered.execute > 10, JSON.stringify(answered));
    });
