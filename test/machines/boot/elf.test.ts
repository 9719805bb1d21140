import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../core/board/framework/error.ts';
import { RamGuestMemory } from '../../../core/board/memory/ram-guest-memory.ts';
import { loadElf } from '../../../machines/boot/elf.ts';
import { loadRaw } from '../../../machines/boot/raw.ts';
import { loadBootSource } from '../../../machines/boot-source.ts';
import { needs } from '../../support/needs.ts';

const ram = (size = 0x40_0000) => new RamGuestMemory([{ base: 0, bytes: new Uint8Array(size).fill(0xee) }]);

/** One segment of four bytes and twelve of bss at 2 MiB, linked at the top of the address space, with a PVH note. */
function image({ pvh = true, bits = 64 } = {}): Uint8Array {
  const file = new Uint8Array(0x200);
  const view = new DataView(file.buffer);
  const wide = bits === 64;
  const word = (at: number, value: bigint) =>
    wide ? view.setBigUint64(at, value, true) : view.setUint32(at, Number(value & 0xffff_ffffn), true);
  const base = wide ? 0xffff_ffff_8020_0000n : 0xc020_0000n;
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, wide ? 62 : 3, true);
  word(24, base + 2n);
  word(wide ? 32 : 28, 0x40n);
  view.setUint16(wide ? 54 : 42, wide ? 56 : 32, true);
  view.setUint16(wide ? 56 : 44, pvh ? 2 : 1, true);
  const header = (at: number, type: number, offset: number, virtual: bigint, size: number, memory: number) => {
    view.setUint32(at, type, true);
    const step = wide ? 8 : 4;
    const values = [offset, virtual, 0x20_0000, size, memory].map(BigInt);
    for (const [index, value] of values.entries()) word(at + (index + 1) * step, value);
  };
  header(0x40, 1, 0x100, base, 4, 16);
  header(0x40 + (wide ? 56 : 32), 4, 0x120, 0n, 20, 20);
  file.set([0xf4, 0x90, 0xfa, 0xf4], 0x100);
  for (const [index, value] of [4, 4, 18, 0x006e_6558, 0x20_0001].entries()) {
    view.setUint32(0x120 + index * 4, value, true);
  }
  return file;
}

test('loads by physical address and clears the rest of the segment', t => {
  const memory = ram();
  const { state } = loadElf(memory, { image: image({ pvh: false }) });
  t.is(state.mode, 'long');
  t.is(state.rip, 0x20_0002);
  t.is(memory.read32(0x20_0000), 0xf4fa_90f4);
  t.is(memory.read64(0x20_0004), 0n);
  t.is(memory.read32(0x20_000c), 0);
  t.is(memory.read8(0x20_0010), 0xee);
});

test('a 32-bit image starts in protected mode', t => {
  const { state } = loadElf(ram(), { image: image({ pvh: false, bits: 32 }) });
  t.is(state.mode, 'protected');
  t.is(state.rip, 0x20_0002);
  t.is(state.cr0 & 0x8000_0001, 1);
});

test('a PVH note leads to its entry with EBX at the start info', t => {
  const memory = ram();
  const { state } = loadElf(memory, { image: image(), commandLine: 'hello', initrd: new Uint8Array([1, 2, 3]) });
  t.is(state.mode, 'protected');
  t.is(state.rip, 0x20_0001);
  const info = state.registers.rbx!;
  t.is(memory.read32(info), 0x336e_c578);
  t.is(memory.read32(info + 4), 1);
  const text = new Uint8Array(6);
  memory.read(memory.read32(info + 24), text);
  t.is(new TextDecoder().decode(text), 'hello\0');
  t.is(memory.read32(info + 12), 1);
  const module = memory.read32(info + 16);
  t.is(memory.read32(module + 8), 3);
  t.is(memory.read8(memory.read32(module) + 2), 3);
  t.is(memory.read32(info + 48), 4);
  t.is(memory.read32(memory.read32(info + 40) + 8), 0x9_fc00);
});

test('PVH without a command line still points at an empty one', t => {
  const memory = ram();
  const info = loadElf(memory, { image: image() }).state.registers.rbx!;
  t.is(memory.read8(memory.read32(info + 24)), 0);
});

test('refuses what does not fit, naming the address', t => {
  const error = t.throws(() => loadElf(ram(0x10_0000), { image: image() }), { instanceOf: MachineError });
  t.is(error?.code, 'bad-elf');
  t.is(error?.path, 'boot.kernel');
  t.regex(error!.message, /0x200000/);
});

test('refuses a segment above 4 GiB, and one of more bytes than it has memory', t => {
  const memory = new RamGuestMemory([
    { base: 0, bytes: new Uint8Array(0x40_0000) },
    { base: 2 ** 32, bytes: new Uint8Array(0x1000) },
  ]);
  const refused = (change: (view: DataView) => void, message: RegExp) => {
    const file = image({ pvh: false });
    change(new DataView(file.buffer));
    t.regex(
      t.throws(() => loadElf(memory, { image: file }), { instanceOf: MachineError, code: 'bad-elf' })!.message,
      message,
    );
  };
  refused(view => view.setBigUint64(0x40 + 24, 2n ** 32n, true), /0x100000000, where there is no RAM/);
  refused(view => view.setBigUint64(0x40 + 40, 3n, true), /more bytes in segment 0/);
});

for (const bits of [32, 64]) {
  test(`a mutated ${bits}-bit header is refused or loads, and never does anything else`, t => {
    const original = image({ bits });
    const memory = ram();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 0x140 }), fc.integer({ min: 0, max: 255 })), { maxLength: 5 }),
        fc.option(fc.integer({ min: 0, max: original.length })),
        (changes, length) => {
          const mutant = original.slice(0, length ?? undefined);
          for (const [at, byte] of changes) if (at < mutant.length) mutant[at] = byte;
          try {
            const { state } = loadElf(memory, { image: mutant, initrd: new Uint8Array(10) });
            return Number.isSafeInteger(state.rip) && state.rip >= 0;
          } catch (error) {
            return error instanceof MachineError;
          }
        },
      ),
      { numRuns: 1000 },
    );
    t.pass();
  });
}

needs('as', 'ld')('loads what GNU as and ld make', t => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-elf-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'a.s'), '.globl _start\n.data\n.quad 0x1122334455667788\n.text\nnop\n_start: hlt\n');
  const run = (command: string, ...options: string[]) => t.is(spawnSync(command, options, { cwd: folder }).status, 0);
  run('as', '-o', 'a.o', 'a.s');
  run('ld', '-static', '-Ttext=0x100000', '-Tdata=0x180000', '-o', 'a', 'a.o');
  const memory = ram();
  const { state } = loadElf(memory, { image: readFileSync(join(folder, 'a')) });
  t.is(memory.read8(state.rip), 0xf4);
  t.is(memory.read64(0x18_0000), 0x1122_3344_5566_7788n);
});

test('a boot sector starts at 0000:7c00 in real mode', t => {
  const memory = ram();
  const { state } = loadRaw(memory, { image: new Uint8Array([0xf4]) });
  t.is(memory.read8(0x7c00), 0xf4);
  t.like(state, { mode: 'real', rip: 0x7c00, registers: { rsp: 0x7000 }, cr0: 0x10 });
  t.like(state.segments.cs, { selector: 0, base: 0, limit: 0xffff });
  t.deepEqual(state.idt, { base: 0, limit: 0x3ff });
});

test('a raw image above 64 KiB gets a segment of its own', t => {
  const { state } = loadRaw(ram(), { image: new Uint8Array([0xf4]), address: 0x2_0004 });
  t.is(state.segments.cs.base + state.rip, 0x2_0004);
  t.is(state.segments.cs.selector * 16, state.segments.cs.base);
});

test('raw images at impossible places are refused', t => {
  const image = new Uint8Array(16);
  for (const options of [
    { address: -1 },
    { address: 0x3f_fff8 },
    { address: 2 ** 53 },
    { address: Number.NaN },
    { entry: 0x10_0000 },
    { image: new Uint8Array(0) },
  ]) {
    t.throws(() => loadRaw(ram(), { image, ...options }), { instanceOf: MachineError, code: 'bad-image' });
  }
});

test('boot structures step aside for the image', t => {
  const memory = ram();
  const image = new Uint8Array(0x1_0000).fill(0x90);
  const { state } = loadRaw(memory, { image, address: 0x2000, mode: 'long' });
  t.true(state.cr3 >= 0x1_2000);
  t.true(state.gdt.base >= 0x1_2000);
  t.is(memory.read8(0x9000), 0x90);
});

const context = { acpiRsdp: 0xe_0000, occupied: [{ name: 'ACPI tables', base: 0xe_0000, size: 0x1000 }] };

test('as a boot source, an image with a PVH note gets all that a Linux image would', t => {
  const memory = ram();
  const initrd = new Uint8Array(5000).fill(0x77);
  const source = { kind: 'kernel', kernel: image(), initrd, commandLine: 'quiet' } as const;
  const { state, placements } = loadBootSource(memory, source, context);
  const info = state.registers.rbx!;
  t.is(memory.read32(info + 12), 1, 'one module');
  const module = memory.read32(memory.read32(info + 16));
  t.is(memory.read8(module + 4999), 0x77);
  const text = memory.read32(info + 24);
  t.deepEqual(
    [...'quiet\0'].map((_, index) => memory.read8(text + index)),
    [...new TextEncoder().encode('quiet\0')],
  );
  t.is(memory.read32(info + 32), 0xe_0000, 'RSDP');
  t.true(placements.every(({ base, size }) => base + size <= 0xe_0000 || base >= 0xe_1000));
});

test('an initrd that a kernel cannot be told of is refused', t => {
  const source = { kind: 'kernel', kernel: image({ pvh: false }), initrd: new Uint8Array(8) } as const;
  const error = t.throws(() => loadBootSource(ram(), source, context), {
    instanceOf: MachineError,
    code: 'bad-initrd',
  });
  t.is(error.path, 'boot.initrd');
});

test('a raw image does not go over the ACPI tables', t => {
  const source = { kind: 'raw', image: new Uint8Array(0x2000), options: { address: 0xd_f000 } } as const;
  const error = t.throws(() => loadBootSource(ram(), source, context), { instanceOf: MachineError, code: 'bad-image' });
  t.is(error.path, 'boot.options.address');
  t.regex(error.message, /ACPI tables/);
});

test('a PVH kernel gets a command line of 2,047 bytes whole; a longer one, and one with a NUL, is refused', t => {
  const memory = ram();
  const kernel = image();
  const loaded = (commandLine: string) => loadBootSource(memory, { kind: 'kernel', kernel, commandLine }, context);
  // Two bytes each in UTF-8, and one for the last.
  const longest = `${'é'.repeat(1023)}x`;
  const { state, placements } = loaded(longest);
  const at = memory.read32(state.registers.rbx! + 24);
  const bytes = new Uint8Array(2048);
  memory.read(at, bytes);
  t.is(new TextDecoder().decode(bytes), `${longest}\0`);
  t.true(placements.some(({ base, size }) => base <= at && at + 2048 <= base + size));

  for (const [commandLine, message] of [
    [`${longest}y`, /2048 bytes long; this kernel accepts 2047/],
    ['a\0b', /NUL/],
  ] as const) {
    const error = t.throws(() => loaded(commandLine), { instanceOf: MachineError, code: 'bad-command-line' });
    t.regex(error.message, message);
    t.is(error.path, 'boot.commandLine');
    t.truthy(error.remedy);
  }
});

test('what is no kernel is called by its name', t => {
  const named = (bytes: readonly number[], message: RegExp) => {
    const source = { kind: 'kernel', kernel: Uint8Array.from(bytes) } as const;
    const error = t.throws(() => loadBootSource(ram(), source, context), { instanceOf: MachineError });
    t.is(error.code, 'bad-kernel');
    t.is(error.path, 'boot.kernel');
    t.regex(error.message, message);
  };
  named([], /the kernel file is empty/);
  named([0x1f, 0x8b, 8, 0], /compressed with gzip/);
  named([0x28, 0xb5, 0x2f, 0xfd], /compressed with zstd/);
  named(
    [...'070701'].map(digit => digit.charCodeAt(0)),
    /an initramfs/,
  );
  named([1, 2, 3], /\(3 bytes\) is neither/);
});

test('an empty initrd is refused', t => {
  const source = { kind: 'kernel', kernel: image(), initrd: new Uint8Array(0) } as const;
  const error = t.throws(() => loadBootSource(ram(), source, context), {
    instanceOf: MachineError,
    code: 'bad-initrd',
  });
  t.is(error.path, 'boot.initrd');
});

test('the reset vector is there, unless the image is', t => {
  const boot = (address: number, bytes: Uint8Array) => {
    const memory = ram();
    loadBootSource(memory, { kind: 'raw', image: bytes, options: { address } }, context);
    return memory.read8(0xf_fff0);
  };
  t.is(boot(0x7c00, new Uint8Array([0xf4])), 0xea);
  t.is(boot(0xf_0000, new Uint8Array(0x1_0000).fill(0x90)), 0x90, 'firmware that the user brought');
});
