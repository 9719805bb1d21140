/**
 * Nested page tables in the paging mode of their host (APM vol. 2, section 15.25.3): a hypervisor of its own runs guests in each of the
 * modes, here and on QEMU, and writes down how each ended and what its nested tables look like then.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { amd } from '../../../../../core/processor/cpu/models.ts';
import { Control, Save } from '../../../../../core/processor/cpu/svm/vmcb.ts';
import { assemble } from '../../../../../core/processor/decode/assembler/assembler.ts';
import { Segment } from '../../../../../core/processor/state/layout.ts';
import { Computer } from '../../../../support/computer.ts';
import { needs } from '../../../../support/needs.ts';

const place = {
  gdt: 0x6000,
  pointer: 0x6100,
  kernel: 0x7000,
  protected: 0x8000,
  main: 0x9000,
  hostTables: 0x2_0000,
  hostSave: 0x3_0000,
  /** Nothing is intercepted by them. */
  maps: 0x4_0000,
  vmcbs: 0x10_0000,
  tables: 0x20_0000,
  ram: 0x40_0000,
} as const;
const tablesOfCase = 0x4000;
const memory = 0x80_0000;
const consolePort = 0xe9;
const exitPort = 0x501;

/** Guest-physical. The first three pages are a guest's own tables, should it page. */
const guest = {
  directory: 0x1000,
  table: 0x2000,
  code: 0x8000,
  data: 0x9000,
  other: 0xa000,
  large: 0x40_0000,
} as const;

type Mode = 'long' | 'pae' | 'legacy' | 'legacy without PSE';
const modes: readonly Mode[] = ['long', 'pae', 'legacy', 'legacy without PSE'];

/** The nested tables of one case. */
class Tables {
  readonly entryBytes: 4 | 8;
  /** Above the directory. */
  readonly top: number;
  readonly directory: number;
  readonly table: number;

  constructor(
    readonly view: DataView,
    readonly base: number,
    mode: Mode,
  ) {
    this.entryBytes = mode === 'long' || mode === 'pae' ? 8 : 4;
    this.top = mode === 'pae' ? base + 0x40 : base;
    this.directory = this.entryBytes === 4 ? base : base + 0x2000;
    this.table = base + 0x3000;
    if (mode === 'long') {
      this.put(base, (base + 0x1000) | 7);
      this.put(base + 0x1000, this.directory | 7);
    } else if (mode === 'pae') this.put(this.top, this.directory | 1);
    this.put(this.directory, this.table | 7);
    for (let page = 0; page < 64; page++) this.put(this.leaf(page << 12), (place.ram + (page << 12)) | 7);
  }

  put(at: number, low: number, high = 0): void {
    this.view.setInt32(at, low, true);
    if (this.entryBytes === 8) this.view.setInt32(at + 4, high, true);
  }
  get(at: number): number {
    return this.view.getInt32(at, true);
  }
  leaf(guestPhysical: number): number {
    return this.table + (guestPhysical >>> 12) * this.entryBytes;
  }
  /** The directory's entry that covers `guest.large`. */
  get large(): number {
    return this.directory + (this.entryBytes === 8 ? 2 * 8 : 4);
  }
}

interface Case {
  readonly name: string;
  readonly modes?: readonly Mode[];
  readonly code: string;
  readonly edit?: (tables: Tables) => void;
  /** With 32-bit paging of its own. */
  readonly paged?: true;
  /** EXITINFO2 of a fetch: the guest's first instruction. */
  readonly exit: readonly [code: number, info1?: bigint, info2?: number | 'code'];
}

const hlt = 0x78;
const fault = 0x400;
const final = 1n << 32n;
const table = 1n << 33n;
const noExecute = 1 << 31;
const wide: readonly Mode[] = ['long', 'pae'];
const withLarge: readonly Mode[] = ['long', 'pae', 'legacy'];
const read = `mov eax, [${guest.data + 4}]\n hlt`;
const write = `mov [${guest.data + 8}], eax\n hlt`;
const change =
  (bits: (tables: Tables) => number, high = 0) =>
  (it: Tables) =>
    it.put(it.leaf(guest.data), (it.get(it.leaf(guest.data)) & ~7) | bits(it), high);

const cases: readonly Case[] = [
  { name: 'a copy', code: `mov eax, [${guest.data}]\n mov [${guest.other}], eax\n hlt`, exit: [hlt] },
  { name: 'a page that is absent', code: read, edit: change(() => 6), exit: [fault, final | 4n, guest.data + 4] },
  { name: 'a write to an absent one', code: write, edit: change(() => 0), exit: [fault, final | 6n, guest.data + 8] },
  { name: 'a page that may be read', code: read, edit: change(() => 5), exit: [hlt] },
  { name: 'and not written', code: write, edit: change(() => 5), exit: [fault, final | 7n, guest.data + 8] },
  { name: "a supervisor's page", code: read, edit: change(() => 3), exit: [fault, final | 5n, guest.data + 4] },
  {
    name: 'a directory that may be read',
    code: write,
    edit: it => it.put(it.directory, it.table | 5),
    exit: [fault, final | 7n, guest.data + 8],
  },
  {
    name: "a supervisor's directory",
    code: read,
    edit: it => it.put(it.directory, it.table | 3),
    exit: [fault, final | 0x15n, 'code'],
  },
  {
    name: 'a page without execution',
    modes: wide,
    code: `jmp ${guest.data}`,
    edit: change(() => 7, noExecute),
    exit: [fault, final | 0x15n, guest.data],
  },
  {
    name: 'which may be read',
    modes: wide,
    code: read,
    edit: change(() => 7, noExecute),
    exit: [hlt],
  },
  {
    name: 'an address that is too wide',
    modes: wide,
    code: read,
    edit: change(() => 7, 1 << 19),
    exit: [fault, final | 0xdn, guest.data + 4],
  },
  {
    name: 'a large page',
    modes: withLarge,
    code: `mov eax, [${guest.large + 0x1234}]\n mov [${guest.large + 0x2000}], eax\n hlt`,
    edit: it => it.put(it.large, place.ram | 0x87),
    exit: [hlt],
  },
  {
    name: 'a large page that is only read',
    modes: withLarge,
    code: `mov eax, [${guest.large + 0x1234}]\n hlt`,
    edit: it => it.put(it.large, place.ram | 0x85),
    exit: [hlt],
  },
  {
    name: 'and then written',
    modes: withLarge,
    code: `mov eax, [${guest.large + 0x1234}]\n mov [${guest.large}], eax\n hlt`,
    edit: it => it.put(it.large, place.ram | 0x85),
    exit: [fault, final | 7n, guest.large],
  },
  {
    name: 'a large page with a reserved bit',
    modes: withLarge,
    code: `mov eax, [${guest.large}]\n hlt`,
    edit: it => it.put(it.large, (place.ram & ~0x3f_ffff) | 0x87 | (it.entryBytes === 8 ? 1 << 13 : 1 << 21)),
    exit: [fault, final | 0xdn, guest.large],
  },
  {
    name: 'no large page without PSE: a table',
    modes: ['legacy without PSE'],
    code: `mov eax, [${guest.large + 0x1234}]\n hlt`,
    edit: it => {
      it.put(it.large, (it.base + 0x1000) | 0x87);
      it.put(it.base + 0x1004, place.ram | 7);
    },
    exit: [hlt],
  },
  {
    name: 'a PDPTE that is absent',
    modes: ['pae'],
    code: `mov eax, [${1 << 30}]\n hlt`,
    exit: [fault, final | 4n, 1 << 30],
  },
  {
    name: 'a PDPTE with a reserved bit',
    modes: ['pae'],
    code: `mov eax, [${1 << 30}]\n hlt`,
    edit: it => it.put(it.top + 8, it.directory | 3),
    exit: [fault, final | 0xdn, 1 << 30],
  },
  {
    name: 'the last PDPTE',
    modes: ['pae'],
    code: `mov eax, [${(3 << 30) >>> 0}]\n hlt`,
    edit: it => it.put(it.top + 24, it.directory | 1),
    exit: [hlt],
  },
  { name: "the guest's own paging", paged: true, code: write, exit: [hlt] },
  {
    name: "the guest's table is absent",
    paged: true,
    code: read,
    edit: it => it.put(it.leaf(guest.table), 0),
    exit: [fault, table | 6n, guest.table + (guest.code >> 12) * 4],
  },
  {
    name: "the guest's table may be read",
    paged: true,
    code: read,
    edit: it => it.put(it.leaf(guest.table), (place.ram + guest.table) | 5),
    exit: [fault, table | 7n, guest.table + (guest.code >> 12) * 4],
  },
  {
    name: "the guest's directory is absent",
    paged: true,
    code: read,
    edit: it => it.put(it.leaf(guest.directory), 0),
    exit: [fault, table | 6n, guest.directory],
  },
];

const casesOf = (mode: Mode): readonly Case[] => cases.filter(each => each.modes?.includes(mode) ?? true);
const codePage = (n: number): number => guest.code + n * 0x40;

function vmcb(view: DataView, at: number, n: number, { paged }: Case, root: number): void {
  const put = (field: number, low: number, high = 0) => {
    view.setInt32(at + field, low, true);
    view.setInt32(at + field + 4, high, true);
  };
  const segment = (field: number, selector: number, attributes: number) =>
    put(field, selector | (attributes << 16), -1);
  // HLT, shutdown; VMRUN.
  put(0xc, (1 << 24) | (1 << 31), 1);
  put(Control.iopmBase, place.maps);
  put(Control.msrpmBase, place.maps);
  // Each has an ASID to itself.
  put(Control.asid, n + 1);
  put(Control.nestedControl, 1);
  put(Control.nestedRoot, root);
  put(Save.efer, 0x1000);
  put(Save.cr0, paged ? 0x8000_0033 | 0 : 0x33);
  put(Save.cr3, guest.directory);
  put(Save.dr6, 0xffff_0ff0 | 0);
  put(Save.dr7, 0x400);
  put(Save.rflags, 2);
  put(Save.pat, 0x0007_0406, 0x0007_0406);
  put(Save.rip, codePage(n));
  segment(Save.cs, 8, 0xc9b);
  for (const field of [Save.es, Save.ss, Save.ds, Save.fs, Save.gs]) segment(field, 0x10, 0xc93);
}

/** The mode's own tables, one to one. */
function hostTables(view: DataView, mode: Mode): number {
  const { hostTables: top } = place;
  const put = (at: number, low: number) => view.setInt32(at, low, true);
  if (mode === 'long') {
    put(top, (top + 0x1000) | 7);
    put(top + 0x1000, (top + 0x2000) | 7);
    for (let n = 0; n < 4; n++) put(top + 0x2000 + n * 8, (n << 21) | 0x87);
  } else if (mode === 'pae') {
    put(top, (top + 0x2000) | 1);
    for (let n = 0; n < 4; n++) put(top + 0x2000 + n * 8, (n << 21) | 0x87);
  } else {
    for (let n = 0; n < 2; n++) put(top + n * 4, (top + 0x1000 * (n + 1)) | 7);
    for (let n = 0; n < 2048; n++) put(top + 0x1000 + n * 4, (n << 12) | 7);
  }
  return top;
}

/** Memory as the processor finds it at power-on. */
function image(mode: Mode): Uint8Array {
  const bytes = new Uint8Array(memory);
  const view = new DataView(bytes.buffer);
  const load = (bits: 16 | 32 | 64, source: string, origin: number, at = origin) => {
    bytes.set(assemble(bits, source, { origin }).bytes, at);
  };
  const list = casesOf(mode);
  [0n, 0x00cf_9b00_0000_ffffn, 0x00cf_9300_0000_ffffn, 0x00af_9b00_0000_ffffn].forEach((descriptor, n) => {
    view.setBigUint64(place.gdt + n * 8, descriptor, true);
  });
  view.setUint16(place.pointer, 0x1f, true);
  view.setUint32(place.pointer + 2, place.gdt, true);
  const cr4 = { long: 0x20, pae: 0x20, legacy: 0x10, 'legacy without PSE': 0 }[mode];
  const efer = { long: 0x1900, pae: 0x1800, legacy: 0x1000, 'legacy without PSE': 0x1000 }[mode];
  const enter = 'mov eax, cr0\n or al, 1\n mov cr0, eax';
  load(16, `xor ax, ax\n mov ds, ax\n lgdt [${place.pointer}]\n ${enter}\n jmp 8:${place.protected}`, place.kernel);
  load(
    32,
    `mov eax, 0x10\n mov ds, eax\n mov es, eax\n mov ss, eax
     mov eax, ${hostTables(view, mode)}\n mov cr3, eax
     mov eax, ${cr4}\n mov cr4, eax
     mov ecx, 0xc0000080\n mov eax, ${efer}\n xor edx, edx\n wrmsr
     mov ecx, 0xc0010117\n mov eax, ${place.hostSave}\n wrmsr
     mov eax, 0x80000033\n mov cr0, eax
     jmp ${mode === 'long' ? 0x18 : 8}:${place.main}`,
    place.protected,
  );
  const dump = (from: string, length: number) => `${from}\n mov ecx, ${length}\n rep outsb\n`;
  load(
    mode === 'long' ? 64 : 32,
    `xor ebx, ebx\n cld
   again: mov eax, ebx\n shl eax, 12\n add eax, ${place.vmcbs}
     vmrun
     mov edx, ${consolePort}
     ${dump(`mov esi, ebx\n shl esi, 12\n add esi, ${place.vmcbs + Control.exitCode}`, 24)}
     ${[0, 1, 2, 3].map(page => dump(`mov esi, ebx\n shl esi, 14\n add esi, ${place.tables + page * 0x1000}`, 0x200)).join('')}
     inc ebx\n cmp ebx, ${list.length}\n jb again
     mov edx, ${exitPort}\n out dx, eax\n hlt`,
    place.main,
  );
  list.forEach((each, n) => {
    const tables = new Tables(view, place.tables + n * tablesOfCase, mode);
    each.edit?.(tables);
    vmcb(view, place.vmcbs + n * 0x1000, n, each, tables.top);
    load(32, each.code, codePage(n), place.ram + codePage(n));
  });
  view.setInt32(place.ram + guest.directory, guest.table | 7, true);
  for (let page = 0; page < 64; page++) view.setInt32(place.ram + guest.table + page * 4, (page << 12) | 7, true);
  return bytes;
}

function onOurs(bytes: Uint8Array, engine: 'interpreter' | 'jit'): Buffer {
  const m = new Computer(amd({ virtualization: true }), { memory, engine });
  m.host.memory.bytes.set(bytes, m.host.memory.offset(0));
  const { cpu } = m;
  cpu.state.setSegment(Segment.cs, 0, 0x9b, 0xffff, 0, 0);
  cpu.state.setRip(place.kernel, 0);
  cpu.derive();
  const log: number[] = [];
  let ended = false;
  cpu.pins.ports = {
    read: () => 0,
    write: (port, _size, value) => {
      if (port === consolePort) log.push(value & 0xff);
      else ended = true;
    },
  };
  for (let slices = 0; slices < 100 && !ended; slices++) cpu.run(10_000);
  return Buffer.from(log);
}

const qemu = 'qemu-system-x86_64';

function onQemu(bytes: Uint8Array): Buffer {
  const cwd = mkdtempSync(join(tmpdir(), 'virt64-qemu-'));
  try {
    const rom = new Uint8Array(0x1_0000);
    rom.set([0xea, place.kernel & 0xff, place.kernel >> 8, 0, 0], 0xfff0);
    writeFileSync(join(cwd, 'rom'), rom);
    const pieces = [
      [place.gdt, 0x9_0000],
      [place.vmcbs, memory],
    ] as const;
    const loaders = pieces.flatMap(([from, to], n) => {
      writeFileSync(join(cwd, `piece${n}`), bytes.subarray(from, to));
      return ['-device', `loader,file=piece${n},addr=${from},force-raw=on`];
    });
    const machine = ['-M', 'pc', '-accel', 'tcg', '-cpu', 'EPYC', '-m', '64', '-nic', 'none', '-no-reboot'];
    const quiet = ['-display', 'none', '-serial', 'none', '-monitor', 'none', '-debugcon', 'file:log'];
    const exit = ['-device', `isa-debug-exit,iobase=${exitPort},iosize=4`];
    spawnSync(qemu, [...machine, ...quiet, ...exit, '-bios', 'rom', ...loaders], { cwd, timeout: 60_000 });
    return readFileSync(join(cwd, 'log'));
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

const bytesOfCase = 24 + 4 * 0x200;

/** How each case ended: exit code, EXITINFO1, EXITINFO2, and the words of its tables. */
const ends = (log: Buffer, count: number) =>
  Array.from({ length: count }, (_, n) => {
    const at = n * bytesOfCase;
    return {
      exit: [log.readUInt32LE(at), log.readBigUInt64LE(at + 8), Number(log.readBigUInt64LE(at + 16))] as const,
      tables: Array.from({ length: 4 * 0x80 }, (_, word) => log.readUInt32LE(at + 24 + 4 * word)),
    };
  });

/** What the guests of these cases have marked. */
const used = { accessed: 0x20, dirty: 0x60 } as const;
const marks: Readonly<Record<string, readonly (readonly [place: number, marked: number])[]>> = {
  'a copy': [
    [guest.code, used.accessed],
    [guest.data, used.accessed],
    [guest.other, used.dirty],
    [0xb000, 0],
  ],
  'a large page': [[guest.large, used.dirty]],
  'a large page that is only read': [[guest.large, used.accessed]],
  // Its directory is only read; but looking at tables counts as writing.
  "the guest's own paging": [
    [guest.directory, used.dirty],
    [guest.table, used.dirty],
    [guest.data, used.dirty],
  ],
};

for (const mode of modes)
  for (const engine of ['interpreter', 'jit'] as const)
    test(`${mode}, ${engine}: how guests end`, t => {
      const list = casesOf(mode);
      const found = ends(onOurs(image(mode), engine), list.length);
      list.forEach(({ name, exit: [code, info1, info2] }, n) => {
        t.is(found[n].exit[0], code, name);
        const it = new Tables(new DataView(new ArrayBuffer(tablesOfCase)), 0, mode);
        const entry = (at: number) => found[n].tables[(at >> 12) * 0x80 + ((at & 0xfff) >> 2)];
        for (const [where, marked] of marks[name] ?? [])
          t.is(entry(where === guest.large ? it.large : it.leaf(where)) & 0x60, marked, `${name}: ${where}`);
        if (info1 === undefined) return;
        t.deepEqual(found[n].exit.slice(1), [info1, info2 === 'code' ? codePage(n) : info2], name);
      });
    });

/**
 * What QEMU 7.2 does otherwise: it says of a reserved bit that nothing is there, marks entries on the way to a fault and PDPTEs as
 * accessed, lets PDPTEs have any bits, and does not know the tables of a legacy host at all.
 */
const onQemuToo: readonly Mode[] = ['long', 'pae'];
const isLeftOut = ({ name }: Case): boolean => name === 'a PDPTE with a reserved bit';
const reserved = 8n;
const comparable = ({ exit: [code, info1, info2], tables }: ReturnType<typeof ends>[number], mode: Mode) => ({
  exit: [code, (info1 & reserved) !== 0n ? info1 & ~1n : info1, info2],
  tables: code === hlt ? tables.map((word, n) => (mode === 'pae' && n < 0x80 ? word & ~0x20 : word)) : [],
});

for (const mode of onQemuToo)
  needs(qemu)(`${mode}: as on QEMU`, t => {
    const list = casesOf(mode);
    const bytes = image(mode);
    const ours = ends(onOurs(bytes, 'interpreter'), list.length);
    const theirs = ends(onQemu(bytes), list.length);
    list.forEach((each, n) => {
      if (!isLeftOut(each)) t.deepEqual(comparable(ours[n], mode), comparable(theirs[n], mode), each.name);
    });
  });
