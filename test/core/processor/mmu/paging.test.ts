/** The page walk against the rules of SDM vol. 3, section 4.6, said once more in plain words here. */
import test from 'ava';
import { PhysicalMemory } from '../../../../core/processor/memory/physical-memory.ts';
import { Paging, Walk } from '../../../../core/processor/mmu/paging.ts';
import { state as layout } from '../../../../core/processor/state/layout.ts';
import { Access } from '../../../../core/processor/state/leave.ts';
import { Cr0, Cr4, Efer, Flag } from '../../../../core/processor/state/registers.ts';
import { StateBlock } from '../../../../core/processor/state/state-block.ts';

const ram = 0x10000;

function machine(physicalBits = 40) {
  const buffer = new ArrayBuffer(0x40_0000);
  const physical = new PhysicalMemory(buffer);
  physical.map({ base: 0, size: 0x20_0000, offset: ram, writable: true });
  const state = StateBlock.detached();
  const paging = new Paging(state, physical, physicalBits, true);
  const words = new Int32Array(buffer);
  return {
    state,
    physical,
    paging,
    put32: (at: number, value: number) => (words[(ram + at) >> 2] = value),
    get32: (at: number) => words[(ram + at) >> 2],
    put64(at: number, low: number, high = 0) {
      words[(ram + at) >> 2] = low;
      words[((ram + at) >> 2) + 1] = high;
    },
  };
}

type Machine = ReturnType<typeof machine>;

const long = (m: Machine, cr0 = 0, cr4 = 0, efer = 0) => {
  m.state.cr0 = Cr0.pe | Cr0.pg | cr0;
  m.state.cr4 = Cr4.pae | cr4;
  m.state.efer = Efer.lme | Efer.lma | efer;
  m.state.set64(layout.cr3.offset, 0x1000, 0);
  m.paging.refresh();
};

/** Linear 0x0000_7f80_4020_1000: indices 0xff, 1, 1, 1. */
const low = 0x4020_1000;
const high = 0x7f80;
const entries = [0x1000 + 0xff * 8, 0x2000 + 8, 0x3000 + 8, 0x4000 + 8];

const rights = [0, 1, 2, 3];

test('4-level: rights of all levels, privilege, WP, SMEP, SMAP, AC and NX', t => {
  const m = machine();
  let cases = 0;
  let wrong = 0;
  // Writable and user bits of the PDE, then of the PTE; NX at the PDPTE.
  for (const pde of rights)
    for (const pte of rights)
      for (const nx of [0, 1]) {
        m.put64(entries[0], 0x2007);
        m.put64(entries[1], 0x3007, nx << 31);
        m.put64(entries[2], 0x4001 | (pde << 1));
        m.put64(entries[3], 0x5001 | (pte << 1));
        const writable = (pde & pte & 1) !== 0;
        const userPage = (pde & pte & 2) !== 0;
        for (let controls = 0; controls < 32; controls++) {
          const [wp, smep, smap, ac, nxe] = [1, 2, 4, 8, 16].map(bit => (controls & bit) !== 0);
          if (nx && !nxe) continue;
          long(m, wp ? Cr0.wp : 0, (smep ? Cr4.smep : 0) | (smap ? Cr4.smap : 0), nxe ? Efer.nxe : 0);
          m.state.flags = ac ? Flag.ac : 0;
          for (const kind of [Access.read, Access.write, Access.execute])
            for (const who of [0, Access.user, Access.implicit]) {
              const user = who === Access.user;
              const refused =
                (user && !userPage) ||
                (kind === Access.write && !writable && (user || wp)) ||
                (kind === Access.execute && nx === 1) ||
                (!user && userPage && kind === Access.execute && smep) ||
                (!user && userPage && kind !== Access.execute && smap && (who === Access.implicit || !ac));
              const status = m.paging.walk(low, high, kind | who);
              const error =
                1 |
                (kind === Access.write ? 2 : 0) |
                (user ? 4 : 0) |
                (kind === Access.execute && (nxe || smep) ? 16 : 0);
              const right = refused
                ? status === Walk.pageFault && m.paging.error === error
                : status === Walk.done && m.paging.low === 0x5000 && m.paging.high === 0;
              cases++;
              if (!right) wrong++;
            }
        }
      }
  t.is(cases, 6912);
  t.is(wrong, 0);
});

test('4-level: a missing entry at any level faults without the present bit', t => {
  for (let missing = 0; missing < 4; missing++) {
    const m = machine();
    entries.forEach((at, level) => {
      m.put64(at, level === missing ? 0x2006 : 0x2007 + level * 0x1000);
    });
    long(m);
    t.is(m.paging.walk(low, high, Access.write | Access.user), Walk.pageFault);
    t.is(m.paging.error, 6);
  }
});

test('4-level: reserved bits', t => {
  const cases: [level: number, low: number, high: number][] = [
    [0, 0x2087, 0],
    [0, 0x2007, 0x100],
    [1, 0x3007, 0x8_0000],
    [1, 0x4000_2087, 0],
    [2, 0x20_2087, 0],
    [3, 0x5007, 0x8000_0000 | 0],
  ];
  for (const [level, entryLow, entryHigh] of cases) {
    const m = machine();
    entries.forEach((at, n) => {
      m.put64(at, 0x2007 + n * 0x1000);
    });
    m.put64(entries[level], entryLow, entryHigh);
    long(m);
    t.is(m.paging.walk(low, high, Access.read), Walk.pageFault, `level ${level}`);
    t.is(m.paging.error, 9);
  }
  const m = machine();
  entries.forEach((at, n) => {
    m.put64(at, 0x2007 + n * 0x1000, 0x7ff0_0000);
  });
  long(m);
  t.is(m.paging.walk(low, high, Access.read), Walk.done, 'bits 62:52 are free for software');
});

test('accessed and dirty bits', t => {
  const m = machine();
  entries.forEach((at, n) => {
    m.put64(at, 0x2007 + n * 0x1000);
  });
  long(m);
  m.paging.walk(low, high, Access.read);
  t.deepEqual(
    entries.map(at => m.get32(at) & 0x60),
    [0x20, 0x20, 0x20, 0x20],
  );
  m.paging.walk(low, high, Access.write);
  t.deepEqual(
    entries.map(at => m.get32(at) & 0x60),
    [0x20, 0x20, 0x20, 0x60],
  );
});

test('a refused access leaves accessed bits alone', t => {
  const m = machine();
  entries.forEach((at, n) => {
    m.put64(at, 0x2001 + n * 0x1000);
  });
  long(m);
  t.is(m.paging.walk(low, high, Access.read | Access.user), Walk.pageFault);
  t.deepEqual(
    entries.map(at => m.get32(at) & 0x60),
    [0, 0, 0, 0],
  );
});

test('large pages: 2 MiB and 1 GiB', t => {
  const m = machine();
  m.put64(entries[0], 0x2007);
  m.put64(entries[1], 0x3007);
  m.put64(entries[2], 0x60_0087, 0x12);
  long(m);
  t.is(m.paging.walk(low | 0x1_2000, high, Access.write), Walk.done);
  t.deepEqual([m.paging.low, m.paging.high, m.paging.shift], [0x60_0000 | 0x1_3000, 0x12, 21]);
  t.is(m.get32(entries[2]) & 0x60, 0x60);
  m.put64(entries[1], 0xc000_0087 | 0, 0x34);
  t.is(m.paging.walk(low, high, Access.read), Walk.done);
  t.deepEqual(
    [m.paging.low >>> 0, m.paging.high, m.paging.shift],
    [(0xc000_0000 | (low & 0x3fff_f000)) >>> 0, 0x34, 30],
  );
});

test('32-bit: tables, PSE, PSE-36', t => {
  const m = machine();
  m.state.cr0 = Cr0.pe | Cr0.pg;
  m.state.cr4 = Cr4.pse;
  m.state.set64(layout.cr3.offset, 0x1018, 0);
  m.paging.refresh();
  m.put32(0x1000 + 4 * 0x300, 0x2007);
  m.put32(0x2000 + 4 * 5, 0x9007);
  t.is(m.paging.walk(0xc000_5000 | 0, 0, Access.write | Access.user), Walk.done);
  t.is(m.paging.low, 0x9000);
  t.is(m.get32(0x2000 + 4 * 5) & 0x60, 0x60);
  m.put32(0x1000 + 4 * 1, 0x00c0_0087 | (0x5a << 13));
  t.is(m.paging.walk(0x41_3000, 0, Access.read), Walk.done);
  t.deepEqual([m.paging.low, m.paging.high, m.paging.shift], [0xc0_0000 | 0x1_3000, 0x5a, 22]);
  m.put32(0x1000 + 4 * 1, 0x0020_0087);
  t.is(m.paging.walk(0x41_3000, 0, Access.read), Walk.pageFault);
  t.is(m.paging.error, 9, 'bit 21 is reserved');
  m.state.cr4 = 0;
  m.paging.refresh();
  m.put32(0x1000 + 4 * 1, 0x3087);
  m.put32(0x3000 + 4 * 0x13, 0xa007);
  t.is(m.paging.walk(0x41_3000, 0, Access.read), Walk.done, 'without PSE the bit means nothing');
  t.is(m.paging.low, 0xa000);
});

test('PAE: PDPTE registers are loaded at once, and checked', t => {
  const m = machine();
  m.state.cr0 = Cr0.pe | Cr0.pg;
  m.state.cr4 = Cr4.pae;
  m.state.efer = Efer.nxe;
  m.state.set64(layout.cr3.offset, 0x1020, 0);
  m.paging.refresh();
  m.put64(0x1020 + 8, 0x2001);
  t.is(m.paging.loadPdptes(), Walk.done);
  m.put64(0x2000 + 8, 0x3007);
  m.put64(0x3000 + 8, 0x7003, 0x8000_0000 | 0);
  t.is(m.paging.walk(0x4020_1000, 0, Access.read), Walk.done);
  t.is(m.paging.low, 0x7000);
  t.is(m.paging.walk(0x4020_1000, 0, Access.execute), Walk.pageFault);
  t.is(m.paging.error, 17);
  m.put64(0x1020 + 8, 0);
  t.is(m.paging.walk(0x4020_1000, 0, Access.read), Walk.done, 'memory is not looked at again');
  t.is(m.paging.walk(0, 0, Access.read), Walk.pageFault);
  t.is(m.paging.error, 0);
  m.put64(0x1020, 0x2003);
  t.is(m.paging.loadPdptes(), Walk.pageFault, 'bit 1 of a PDPTE is reserved');
  t.is(m.paging.walk(0x4020_1000, 0, Access.read), Walk.done, 'and the old ones stay');
});

test('a table outside of memory reads as all ones: a reserved bit is set', t => {
  const m = machine();
  m.put64(entries[0], 0x7000_0007);
  long(m);
  t.is(m.paging.walk(low, high, Access.read), Walk.pageFault);
  t.is(m.paging.error, 9);
});
