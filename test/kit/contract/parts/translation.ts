/**
 * Translation: what `translate` says of a linear address is what the guest's own loads, stores and fetches there find, whatever its tables hold.
 */

import type { Translation } from '#accelerators';
import { MachineError } from '#core';
import type { AddCase } from '../../checks/case.ts';
import type { Checks } from '../../checks/checks.ts';
import { at, type Guest, selector } from '../guest.ts';
import { random } from '../random.ts';

const tables = 0x4_0000;
const tablesEnd = 0x4_8000;
/** Pages that tell where they are. */
const frames = 0x5_0000;
const framesEnd = 0x5_8000;
const userCode = 0x2_4000;
const ram = 0x20_0000;

interface Tables {
  /** What `put` writes of an entry: 4 or 8 bytes. */
  readonly wide: boolean;
  readonly cr4: number;
  readonly efer: number;
  /** Where the random entries lie, top first; those of a level that `large` names may be pages. */
  readonly entries: readonly number[];
  readonly large: readonly boolean[];
  /** The linear address that they translate, but for its lowest twelve bits. */
  readonly linear: bigint;
  readonly bits: 32 | 64;
  identity(guest: Guest): void;
}

/** One to one: RAM for the supervisor, and one page of code for the user. */
const identityEntry = (n: number): number => (n << 12) | (n === userCode >> 12 ? 7 : 3);

const long = (linear: bigint, entries: readonly number[]): Tables => ({
  wide: true,
  cr4: 0x20,
  efer: 0x500,
  entries,
  large: [false, true, true, false],
  linear,
  bits: 64,
  identity(guest) {
    guest.put(tables, (tables + 0x1000) | 7, 0);
    guest.put(tables + 0x1000, (tables + 0x2000) | 7, 0);
    guest.put(tables + 0x2000, (tables + 0x3000) | 7, 0);
    for (let n = 0; n < 512; n++) guest.put(tables + 0x3000 + 8 * n, identityEntry(n), 0);
  },
});

const narrow = (cr4: number): Tables => ({
  wide: false,
  cr4,
  efer: 0,
  entries: [tables + 4 * 0x301, tables + 0x2000 + 4 * 0x53],
  large: [cr4 !== 0, false],
  linear: 0xc045_3000n,
  bits: 32,
  identity(guest) {
    guest.put(tables, (tables + 0x1000) | 7);
    for (let n = 0; n < 512; n++) guest.put(tables + 0x1000 + 4 * n, identityEntry(n));
  },
});

const modes: Readonly<Record<string, Tables>> = {
  '32-bit': narrow(0),
  '32-bit with PSE': narrow(0x10),
  PAE: {
    wide: true,
    cr4: 0x20,
    efer: 0,
    entries: [tables + 0x3000 + 8 * 1, tables + 0x4000 + 8 * 0x54],
    large: [true, false],
    linear: 0xc025_4000n,
    bits: 32,
    identity(guest) {
      guest.put(tables, (tables + 0x1000) | 1, 0);
      // The PDPTE that MOV CR3 has loaded is no random one.
      guest.put(tables + 24, (tables + 0x3000) | 1, 0);
      guest.put(tables + 0x1000, (tables + 0x2000) | 7, 0);
      for (let n = 0; n < 512; n++) guest.put(tables + 0x2000 + 8 * n, identityEntry(n), 0);
    },
  },
  '4-level': long(0x7f80_4005_5000n, [
    tables + 8 * 0xff,
    tables + 0x4000 + 8 * 1,
    tables + 0x5000,
    tables + 0x6000 + 8 * 0x55,
  ]),
  '4-level, in the upper half': long(0xffff_ffff_c025_6000n, [
    tables + 8 * 0x1ff,
    tables + 0x4000 + 8 * 0x1ff,
    tables + 0x5000 + 8 * 1,
    tables + 0x6000 + 8 * 0x56,
  ]),
};

type Dice = (chances: number) => boolean;

/** One in how many. */
const dice = (next: () => number): Dice => {
  return chances => next() % chances === 0;
};

function fill(guest: Guest, { entries, large, wide, efer }: Tables, next: () => number): void {
  const one = dice(next);
  entries.forEach((where, level) => {
    const leaf = level === entries.length - 1;
    const page = large[level] && one(3);
    const child = entries[level + 1] & ~0xfff;
    let low: number;
    if (leaf) low = frames + (next() % 8) * 0x1000;
    else low = page ? 0 : child;
    let high = 0;
    // A device, no memory at all, beyond 4 GiB.
    if ((leaf || page) && one(6))
      low = page ? at.device & ~0x3fff_ffff : [at.hole, at.device, 0xffff_f000 | 0][next() % 3];
    if (wide && (leaf || page) && one(12)) high = 0x11;
    low |=
      1 | (one(4) ? 0 : 2) | (one(4) ? 0 : 4) | (one(2) ? 0x20 : 0) | (page ? 0x80 : 0) | (page && one(4) ? 0x1000 : 0);
    if (one(30)) low &= ~1;
    if (page && one(8)) low |= 0x2000 << (next() % 9);
    if (wide && one(5) && (efer & 0x800 || one(6))) high |= 1 << 31;
    if (wide && one(20)) high |= 1 << (next() % 31);
    // Where there is no memory a processor reads all ones: reserved bits, in 64-bit entries.
    if (wide && !leaf && !page && one(25)) low = (low & 0xfff) | at.hole;
    if (wide) guest.put(where, low, high);
    else guest.put(where, low);
  });
}

interface Rules {
  readonly user: boolean;
  readonly writeProtect: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
}

/** What the processor allows of an access whose translation is known (SDM vol. 3, section 4.6). */
function allowed(kind: 'load' | 'store' | 'fetch', page: Translation | undefined, rules: Rules): boolean {
  if (!page) return false;
  if (rules.user ? !page.user : page.user && (kind === 'fetch' ? rules.smep : rules.smap)) return false;
  if (kind === 'fetch') return page.executable;
  return kind === 'load' || page.writable || (!rules.user && !rules.writeProtect);
}

const sources = { load: 'mov ecx, [rdi]\n hlt', store: 'mov [rdi], esi\n hlt', fetch: 'jmp rdi' } as const;

const flatSegment = (selector: number, attributes: number) => ({ selector, attributes, limit: 0xffff_ffff, base: 0n });

function start(guest: Guest, mode: Tables, rules: Rules, kind: keyof typeof sources, linear: bigint): void {
  const { bits, cr4, efer } = mode;
  const code = sources[kind].replaceAll('rdi', bits === 64 ? 'rdi' : 'edi');
  guest.load(bits, code, rules.user ? userCode : at.code);
  guest.set({
    rip: rules.user ? userCode : at.code,
    rdi: linear,
    rsi: 0x600d_f00dn,
    rax: 0,
    rcx: 0,
    rsp: at.stack,
    rflags: 2,
  });
  const { controls, msrs, segments } = guest.state;
  const dpl = rules.user ? 0x60 : 0;
  const long = bits === 64;
  const cs = long ? (rules.user ? selector.userCode : selector.code) : rules.user ? 0x1b : selector.code32;
  guest.processor.setState({
    controls: {
      ...controls,
      cr0: 0x8000_0031n | (rules.writeProtect ? 0x1_0000n : 0n),
      cr3: BigInt(tables),
      cr4: BigInt(0x600 | cr4 | (rules.smep ? 1 << 20 : 0) | (rules.smap ? 1 << 21 : 0)),
    },
    msrs: { ...msrs, efer: BigInt(efer) },
    segments: {
      ...segments,
      cs: flatSegment(cs, (long ? 0xa9b : 0xc9b) | dpl),
      ss: flatSegment(rules.user ? selector.userData : selector.data, 0xc93 | dpl),
    },
    interrupts: { shadow: false, nmiBlocked: false, halted: false },
  });
  guest.log = [];
}

export function translation(test: AddCase, guest: Guest): void {
  const { machine, processor } = guest;

  for (const [title, mode] of Object.entries(modes))
    test(`translate, ${title}: loads, stores and fetches of the guest find what it says`, t => {
      const next = random(0x5eed);
      const one = dice(next);
      const seen = new Set<string>();
      for (let round = 0; round < 60; round++) {
        guest.reset();
        if (mode.bits === 64) guest.long();
        else guest.protected();
        const full = { ...mode, efer: mode.efer | (mode.wide && !one(4) ? 0x800 : 0) };
        full.identity(guest);
        const offset = (next() % 0x3f0) * 4;
        // MOV EAX, where it is; HLT.
        for (let frame = frames; frame < framesEnd; frame += 0x1000)
          guest.write(frame + offset, Uint8Array.of(0xb8, ...bytesOf(frame + offset), 0xf4, 0xf4, 0xf4));
        fill(guest, full, next);
        const linear = full.linear + BigInt(offset);
        const rules = { user: one(2), writeProtect: one(2), smep: one(3), smap: one(3) };
        for (const kind of ['load', 'fetch', 'store'] as const) {
          start(guest, full, rules, kind, linear);
          const before = guest.bytes.slice(tables, tablesEnd);
          const page = processor.translate(linear);
          t.true(
            before.every((byte, n) => byte === guest.bytes[tables + n]),
            'nothing is marked',
          );
          check(t, guest, { kind, page, linear, rules, round });
          seen.add(`${kind} ${page ? `${page.pageSize} ${isRam(page.gpa)}` : 'hole'}`);
        }
      }
      t.true(seen.size >= (mode.large[0] || mode.bits === 64 ? 9 : 6), [...seen].join());
    });

  test('translate without paging is the address itself', t => {
    guest.reset().protected('hlt');
    const same = { pageSize: 4096, writable: true, executable: true, user: true };
    t.deepEqual(processor.translate(0x1234_5678n), { gpa: 0x1234_5678, ...same });
    t.is(processor.translate(1n << 32n), undefined);
    guest.reset().real('hlt');
    t.deepEqual(processor.translate(0x10_ffefn), { gpa: 0x10_ffef, ...same });
  });

  test('translate knows no addresses that are not canonical, and takes nothing else', t => {
    guest.reset().long('hlt');
    for (const linear of [1n << 47n, 0xffff_7fff_ffff_ffffn, 1n << 63n]) t.is(processor.translate(linear), undefined);
    t.is(processor.translate(0x1234n)?.gpa, 0x1234);
    const badCall = { instanceOf: MachineError, code: 'bad-call' };
    for (const wrong of [-1n, 1n << 64n]) t.throws(() => processor.translate(wrong), badCall);
    t.throws(() => processor.translate(5 as never), badCall);
  });

  test('translate reads tables as they are: changed from outside, protected, in another mapping', t => {
    guest.reset().long('hlt');
    guest.page(at.data >> 12, 0x7_0000 | 5);
    t.deepEqual(processor.translate(BigInt(at.data + 8)), {
      gpa: 0x7_0008,
      pageSize: 4096,
      writable: false,
      executable: true,
      user: true,
    });
    machine.protect(at.tables, 0x8000, 0, { onViolation: 'exit' });
    t.is(processor.translate(BigInt(at.data + 8))?.gpa, 0x7_0008);
    machine.protect(at.tables, 0x8000, 7);
    const block = machine.allocate(4096);
    new DataView(block.bytes.buffer, block.bytes.byteOffset).setUint32(8, 0x9_9003, true);
    machine.map(0x40_0000, block, 0, 4096, 7);
    guest.put(at.tables + 0x2000, 0x40_0000 | 7);
    t.is(processor.translate(0x1234n)?.gpa, 0x9_9234);
    machine.unmap(0x40_0000, 4096);
    t.is(processor.translate(0x1234n), undefined);
  });
}

const isRam = (gpa: number): boolean => gpa < at.hole || (gpa >= 0x10_0000 && gpa < ram);
const bytesOf = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff);

interface Case {
  readonly kind: 'load' | 'store' | 'fetch';
  readonly page: Translation | undefined;
  readonly linear: bigint;
  readonly rules: Rules;
  readonly round: number;
}

function check(t: Checks, guest: Guest, { kind, page, linear, rules, round }: Case): void {
  const what = `round ${round}, ${kind} at ${linear.toString(16)}, ${JSON.stringify(rules)}, ${JSON.stringify(page)}`;
  const exit = guest.run(20);
  if (!allowed(kind, page, rules)) {
    t.deepEqual(exit, { reason: 'halt' }, what);
    t.is(guest.vector, 14, what);
    t.is(guest.state.controls.cr2, linear, what);
    return;
  }
  const { gpa } = page!;
  const ended = rules.user ? 13 : -1;
  if (kind === 'fetch') {
    if (!isRam(gpa)) return void t.is(exit.reason, 'error', what);
    t.deepEqual(exit, { reason: 'halt' }, what);
    t.is(guest.vector, ended, what);
    t.is(guest.register('rax'), BigInt(guest.get32(gpa + 1)), what);
    return;
  }
  t.deepEqual(exit, { reason: 'halt' }, what);
  t.is(guest.vector, ended, what);
  if (!isRam(gpa)) {
    const value = kind === 'load' ? 0xffff_ffffn : 0x600d_f00dn;
    t.deepEqual(guest.log, [[kind === 'load' ? 'read' : 'write', gpa, 4, value]], what);
  } else if (kind === 'load') t.is(guest.register('rcx'), BigInt(guest.get32(gpa)), what);
  else t.is(guest.get32(gpa), 0x600d_f00d, what);
}
