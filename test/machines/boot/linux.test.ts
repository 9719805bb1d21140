import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../core/board/framework/error.ts';
import { RamGuestMemory } from '../../../core/board/memory/ram-guest-memory.ts';
import { loadLinux } from '../../../machines/boot/linux.ts';
import { legacyHole, memoryMap } from '../../../machines/boot/memory-map.ts';
import { placeHigh } from '../../../machines/boot/placement.ts';
import { probe } from '../../../machines/boot/probe.ts';
import { type SyntheticKernel, syntheticKernel } from '../../support/kernel.ts';

const megabyte = 0x10_0000;
const ram = (size = 64 * megabyte) => new RamGuestMemory([{ base: 0, bytes: new Uint8Array(size) }]);
const text = (memory: RamGuestMemory, at: number, length: number): string => {
  const bytes = new Uint8Array(length);
  memory.read(at, bytes);
  return new TextDecoder().decode(bytes);
};

test('enters the kernel 0x200 bytes past its start, in long mode, with RSI at the zero page', t => {
  const memory = ram();
  const { state, header } = loadLinux(memory, { kernel: syntheticKernel({ code: new Uint8Array([0x0f, 0x0b]) }) });
  t.is(state.mode, 'long');
  t.is(state.rip, 0x100_0200);
  t.is(memory.read16(state.rip), 0x0b0f);
  t.is(memory.read32(state.registers.rsi! + 0x202), 0x5372_6448);
  t.is(memory.read32(state.registers.rsi! + 0x214), 0x100_0000, 'code32_start');
  t.is(state.cr0 >>> 31, 1);
  t.is(state.efer & 0x500, 0x500);
  t.is(header.release, '6.1.0-synthetic (nobody@nowhere)');
});

test('the page tables map four gigabytes onto themselves', t => {
  const memory = ram();
  const { state } = loadLinux(memory, { kernel: syntheticKernel() });
  for (const address of [0, 0x7fff, 0x100_0200, 0x3fff_ffff, 0xfee0_0000, 0xffff_ffff]) {
    const pml4e = memory.read32(state.cr3);
    const pdpte = memory.read32((pml4e & ~0xfff) + Math.floor(address / 2 ** 30) * 8);
    const pde = memory.read32((pdpte & ~0xfff) + ((address >>> 21) & 0x1ff) * 8);
    t.is(pde & 0x83, 0x83);
    t.is((pde & ~0x1f_ffff) >>> 0, (address & ~0x1f_ffff) >>> 0);
  }
});

test('the descriptors in memory say what the hidden parts say', t => {
  const memory = ram();
  const { state } = loadLinux(memory, { kernel: syntheticKernel() });
  for (const name of ['cs', 'ss', 'ds', 'es'] as const) {
    const { selector, attributes } = state.segments[name];
    const high = memory.read32(state.gdt.base + selector + 4);
    t.is(((high >>> 8) & 0xff) | ((high >>> 12) & 0xf00), attributes, name);
  }
  t.is(state.segments.cs.selector, 0x10);
  t.is(state.segments.ds.selector, 0x18);
});

test('the zero page carries map, command line, initrd and RSDP, and a clear sentinel', t => {
  const memory = ram();
  const initrd = new TextEncoder().encode('070701 initrd');
  const { state } = loadLinux(memory, {
    kernel: syntheticKernel(),
    initrd,
    commandLine: 'console=ttyS0 grüße',
    acpiRsdp: 0xe_0000,
  });
  const page = state.registers.rsi!;
  t.is(memory.read8(page + 0x1ef), 0);
  t.is(memory.read64(page + 0x70), 0xe_0000n);
  t.is(memory.read8(page + 0x210), 0xff);
  const at = memory.read32(page + 0x228);
  t.is(text(memory, at, 22), 'console=ttyS0 grüße\0');
  const initrdAt = memory.read32(page + 0x218);
  t.is(memory.read32(page + 0x21c), initrd.length);
  t.is(initrdAt % 0x1000, 0);
  t.is(text(memory, initrdAt, initrd.length), '070701 initrd');
  t.true(initrdAt >= 0x100_0000 + megabyte);
  const count = memory.read8(page + 0x1e8);
  let usable = 0;
  for (let index = 0; index < count; index++) {
    const entry = page + 0x2d0 + index * 20;
    if (memory.read32(entry + 16) === 1) usable += memory.read32(entry + 8);
  }
  t.is(usable, 64 * megabyte - legacyHole.reduce((sum, hole) => sum + hole.size, 0));
});

test('a random seed becomes a setup_data node of type 9', t => {
  const memory = ram();
  const { state } = loadLinux(memory, { kernel: syntheticKernel(), randomSeed: new Uint8Array([7, 8, 9]) });
  const node = memory.read32(state.registers.rsi! + 0x250);
  t.is(memory.read64(node), 0n);
  t.is(memory.read32(node + 8), 9);
  t.is(memory.read32(node + 12), 3);
  t.is(memory.read8(node + 18), 9);
});

test('nothing overlaps anything', t => {
  const occupied = [{ name: 'tables', base: 0x7000, size: 0x8000 }];
  const { placements } = loadLinux(ram(), {
    kernel: syntheticKernel(),
    initrd: new Uint8Array(40 * megabyte),
    commandLine: 'x'.repeat(2047),
    randomSeed: new Uint8Array(32),
    occupied,
  });
  const all = [...placements, ...occupied].sort((a, b) => a.base - b.base);
  for (const [index, range] of all.slice(1).entries())
    t.true(all[index].base + all[index].size <= range.base, range.name);
});

/** The part of a profile that a mistake is in. */
const places: Readonly<Record<string, string>> = {
  'bad-kernel': 'boot.kernel',
  'bad-initrd': 'boot.initrd',
  'bad-command-line': 'boot.commandLine',
  'bad-profile': 'memory',
  'does-not-fit': 'memory',
};

type Refusal = [kernel: Uint8Array, code: string, message: RegExp, options?: object, size?: number];
const refuses = test.macro<Refusal>((t, kernel, code, message, options = {}, size = 64) => {
  const error = t.throws(() => loadLinux(ram(size * megabyte), { kernel, ...options }), { instanceOf: MachineError });
  t.is(error?.code as string, code);
  t.regex(error!.message, message);
  t.is(error!.path, places[code]);
  t.truthy(error!.remedy);
});
const kernel = (options: SyntheticKernel) => syntheticKernel(options);

test('refuses an empty file', refuses, new Uint8Array(0), 'bad-kernel', /truncated/);
test('refuses a file without HdrS', refuses, new Uint8Array(8192), 'bad-kernel', /HdrS/);
test('refuses a truncated kernel', refuses, kernel({}).subarray(0, 0x1200), 'bad-kernel', /truncated/);
test('refuses protocol 2.11', refuses, kernel({ version: 0x020b }), 'bad-kernel', /2\.11/);
test('refuses a 32-bit kernel', refuses, kernel({ extendedFlags: 0 }), 'bad-kernel', /64-bit/);
test('refuses a load address of zero', refuses, kernel({ preferredAddress: 0 }), 'bad-kernel', /address/);
test('refuses a load address above memory', refuses, kernel({ preferredAddress: 2 ** 60 }), 'bad-kernel', /address/);
test(
  'refuses a load address that leaves the first 4 GiB',
  refuses,
  kernel({ preferredAddress: 0xfff0_0000, initSize: 0x20_0000 }),
  'bad-kernel',
  /impossible load address/,
);
test('refuses a kernel that is 16 bytes short', refuses, kernel({}).subarray(0, -16), 'bad-kernel', /truncated/);
test('refuses a memory map that Linux cannot hold', refuses, kernel({}), 'bad-profile', /129 ranges; Linux takes 128/, {
  memoryMap: Array.from({ length: 129 }, (_, n) => ({ base: n * 4096, size: 4096, type: 1 as const })),
});

test('takes what is just possible', t => {
  const file = kernel({});
  t.is(loadLinux(ram(), { kernel: file.subarray(0, -15) }).state.rip, 0x100_0200, 'syssize counts 16 bytes');
  const headerEnd = kernel({});
  headerEnd[0x201] = 0x290 - 0x202;
  t.is(loadLinux(ram(), { kernel: headerEnd }).header.headerEnd, 0x290);
  const memoryMap = Array.from({ length: 128 }, (_, n) => ({ base: n * 4096, size: 4096, type: 1 as const }));
  const memory = ram();
  const { state } = loadLinux(memory, { kernel: file, memoryMap });
  t.is(memory.read8(state.registers.rsi! + 0x1e8), 128);
});

test('no setup sectors means four, as in the oldest kernels', t => {
  const memory = ram();
  const { state } = loadLinux(memory, { kernel: kernel({ setupSectors: 0, code: Uint8Array.of(0x0f, 0x0b) }) });
  t.is(memory.read16(state.rip), 0x0b0f);
});

test('a kernel has room for all of its code, whatever it says of itself', t => {
  const { placements } = loadLinux(ram(), { kernel: kernel({ codeSize: 0x8000, initSize: 0x1000 }) });
  t.is(placements.find(({ name }) => name === 'kernel')?.size, 0x8000);
});

test('refuses too little memory', refuses, kernel({}), 'does-not-fit', /17 MiB/, {}, 16);
test('refuses to load over what is there', refuses, kernel({}), 'does-not-fit', /MiB/, {
  occupied: [{ name: 'tables', base: 0x100_0000, size: 0x1000 }],
});
test('refuses a long command line', refuses, kernel({}), 'bad-command-line', /2048.*2047/, {
  commandLine: 'x'.repeat(2048),
});
test('refuses a NUL in the command line', refuses, kernel({}), 'bad-command-line', /NUL/, { commandLine: 'a\0b' });
test('refuses an initrd beyond memory', refuses, kernel({}), 'bad-initrd', /does not fit/, {
  initrd: new Uint8Array(48 * megabyte),
});
test('refuses an initrd above initrd_addr_max', refuses, kernel({ initrdLimit: 0x10_1fff }), 'bad-initrd', /102000/, {
  initrd: new Uint8Array(3 * 4096),
});

test('an initrd of exactly the room there is fits', t => {
  const initrd = new Uint8Array(47 * megabyte);
  t.notThrows(() => loadLinux(ram(), { kernel: syntheticKernel(), initrd }));
});

test('a mutated header is refused or loads, and never does anything else', t => {
  const original = syntheticKernel();
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0x1f1, max: 0x28f }), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.option(fc.integer({ min: 0, max: original.length })),
      (changes, length) => {
        const mutant = original.slice(0, length ?? undefined);
        for (const [at, byte] of changes) if (at < mutant.length) mutant[at] = byte;
        try {
          const { state } = loadLinux(ram(32 * megabyte), { kernel: mutant, initrd: new Uint8Array(100) });
          return state.mode === 'long';
        } catch (error) {
          return error instanceof MachineError;
        }
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});

test('of two reservations of the same memory the first counts', t => {
  const [first, second] = [
    { base: 0x3000, size: 0x2000, type: 2 },
    { base: 0x2000, size: 0x2000, type: 3 },
  ] as const;
  t.deepEqual(memoryMap([{ base: 0, size: 0x8000 }], [first, second]), [
    { base: 0, size: 0x2000, type: 1 },
    { base: 0x2000, size: 0x1000, type: 3 },
    { base: 0x3000, size: 0x2000, type: 2 },
    { base: 0x5000, size: 0x3000, type: 1 },
  ]);
});

test('high is the highest of all regions, beside what is there, and never where a PC has its firmware', t => {
  const regions = [
    { base: 0, bytes: new Uint8Array(megabyte) },
    { base: 2 * megabyte, bytes: new Uint8Array(megabyte) },
  ];
  const memory = new RamGuestMemory(regions);
  const wanted = { name: 'it', size: 0x2000 };
  const occupied = { name: 'other', base: 2 * megabyte, size: megabyte - 0x1000 };
  t.is(placeHigh(memory, [], wanted)?.base, 3 * megabyte - 0x2000);
  t.is(placeHigh(memory, [occupied], wanted)?.base, 0x9_d000);
  t.is(placeHigh(memory, [occupied], { ...wanted, above: megabyte }), undefined);
});

test('probe tells images apart', t => {
  t.is(probe(syntheticKernel()), 'linux');
  t.is(probe(new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2])), 'elf');
  t.is(probe(new Uint8Array([0xf4])), 'raw');
  t.is(probe(new Uint8Array(0)), 'raw');
});
