/** The PVH entry among the notes of an ELF file, however its linker laid them out. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../core/board/framework/error.ts';
import { RamGuestMemory } from '../../../core/board/memory/ram-guest-memory.ts';
import { loadElf } from '../../../machines/boot/elf.ts';
import { needs } from '../../support/needs.ts';

const memory = new RamGuestMemory([{ base: 0, bytes: new Uint8Array(0x40_0000) }]);
const entryOf = (image: Uint8Array) => loadElf(memory, { image, entry: 'pvh' }).state.rip;
const xen = 0x006e_6558;
const gnu = 0x0055_4e47;
const pvh = (entry: number) => [4, 4, 18, xen, entry];

interface Segment {
  readonly alignment: number;
  readonly words: readonly number[];
  readonly size?: number;
}

/** A segment of 16 bytes at 2 MiB and the notes given, each segment of them 0x100 bytes after the one before, from 0x200 on. */
function image(...notes: readonly Segment[]): Uint8Array {
  const file = new Uint8Array(0x200 + 0x100 * notes.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setBigUint64(24, 0x20_0000n, true);
  view.setBigUint64(32, 0x40n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1 + notes.length, true);
  const header = (index: number, type: number, values: readonly number[]): void => {
    view.setUint32(0x40 + 56 * index, type, true);
    for (const [n, value] of values.entries()) view.setBigUint64(0x48 + 56 * index + 8 * n, BigInt(value), true);
  };
  header(0, 1, [0x1f0, 0x20_0000, 0x20_0000, 16, 16, 16]);
  for (const [index, { alignment, words, size = words.length * 4 }] of notes.entries()) {
    const offset = 0x200 + 0x100 * index;
    header(index + 1, 4, [offset, 0, 0, size, size, alignment]);
    for (const [n, word] of words.entries()) view.setUint32(offset + 4 * n, word, true);
  }
  return file;
}

const property = [4, 16, 5, gnu, 0xc000_0002, 4, 3, 0];
const layouts: Readonly<Record<string, readonly Segment[]>> = {
  alone: [{ alignment: 4, words: pvh(0x20_0003) }],
  'alignments of 0 and 1 mean 4': [
    { alignment: 0, words: [4, 1, 7, xen, 0xff] },
    { alignment: 1, words: [4, 1, 7, xen, 0xff, ...pvh(0x20_0003)] },
  ],
  'behind a property note of 8-byte alignment': [{ alignment: 8, words: [...property, ...pvh(0x20_0003)] }],
  'a description padded to 8': [{ alignment: 8, words: [4, 4, 7, xen, 1, 0, ...pvh(0x20_0003)] }],
  'a name padded to 8': [{ alignment: 8, words: [6, 8, 7, xen, 0x41, 0, 1, 2, ...pvh(0x20_0003)] }],
  'a name of 6 bytes padded to 4': [{ alignment: 4, words: [6, 8, 7, xen, 0x41, 1, 2, ...pvh(0x20_0003)] }],
  'a note without a name': [{ alignment: 4, words: [4, 4, 7, xen, 1, 0, 4, 7, 1, ...pvh(0x20_0003)] }],
  'merged: notes of 4 in a segment of 8': [
    { alignment: 8, words: [4, 4, 6, xen, 1, 4, 4, 7, xen, 1, 4, 1, 8, xen, 1, ...pvh(0x20_0003)] },
  ],
  'merged: 4, padding, then 8': [{ alignment: 8, words: [4, 4, 6, xen, 1, 0, ...property, ...pvh(0x20_0003)] }],
  'merged: 4, 4, padding, 8, 4': [
    { alignment: 8, words: [4, 1, 6, xen, 1, 4, 4, 6, xen, 1, 4, 4, 6, xen, 1, 0, ...property, ...pvh(0x20_0003)] },
  ],
  'in the second segment of notes': [
    { alignment: 8, words: property },
    { alignment: 4, words: pvh(0x20_0003) },
  ],
  'eight bytes, as older kernels give it': [{ alignment: 4, words: [4, 8, 18, xen, 0x20_0003, 0] }],
  'zeros behind it': [{ alignment: 4, words: [...pvh(0x20_0003), 0, 0] }],
  'damage behind it': [{ alignment: 4, words: [...pvh(0x20_0003), 0xffff_ffff, 1, 1] }],
};
for (const [name, segments] of Object.entries(layouts))
  test(`is found: ${name}`, t => t.is(entryOf(image(...segments)), 0x20_0003));

const refusals: Readonly<Record<string, readonly [Segment, RegExp]>> = {
  'no header': [{ alignment: 4, words: [4, 4] }, /offset 0x200 \(segment 1\): 8 bytes are left/],
  'a name outside': [{ alignment: 4, words: [40, 4, 7, xen] }, /offset 0x200 .*name of 40 bytes/],
  'a description cut off': [{ alignment: 4, words: [4, 4, 18, xen] }, /offset 0x200 .*description of 4 bytes/],
  'a size that lies': [{ alignment: 4, words: [4, 400, 18, xen, 0x20_0003] }, /description of 400 bytes/],
  'sizes of 4 GiB': [
    { alignment: 8, words: [0xffff_ffff, 0xffff_ffff, 18, xen, 0x20_0003] },
    /name of 4294967295 bytes/,
  ],
  'the second note': [{ alignment: 4, words: [...property, 4, 40, 18, xen] }, /offset 0x220/],
  'an entry of one byte': [{ alignment: 4, words: [4, 1, 18, xen, 1] }, /note of 1 bytes/],
  'an entry outside': [{ alignment: 4, words: pvh(0x30_0000) }, /PVH entry 0x300000 outside/],
  'an entry past 4 GiB': [{ alignment: 4, words: [4, 8, 18, xen, 0x20_0003, 1] }, /PVH entry 0x100200003 outside/],
  'a segment past the file': [
    { alignment: 4, words: pvh(0x20_0003), size: 0x1000 },
    /segment 1 would end at byte 4608, and the file has 768/,
  ],
};
for (const [name, [segment, message]] of Object.entries(refusals))
  test(`is refused: ${name}`, t => {
    const error = t.throws(() => loadElf(memory, { image: image(segment) }), {
      instanceOf: MachineError,
      code: 'bad-elf',
    });
    t.regex(error.message, message);
    t.is(error.path, 'boot.kernel');
    t.truthy(error.remedy);
  });

test('damaged notes do not keep an image from an entry that needs none', t => {
  t.is(loadElf(memory, { image: image({ alignment: 4, words: [4, 4] }), entry: 'long' }).state.mode, 'long');
});

test('whatever notes hold, an entry is found or a MachineError thrown', t => {
  const word = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(0, 1, 4, 8, 12, 18, xen, gnu, 0x20_0003) },
    fc.integer({ min: 0, max: 0xffff_ffff }),
  );
  const segment = fc.record({
    alignment: fc.constantFrom(0, 1, 2, 3, 4, 8, 16, 4096, 2 ** 52),
    words: fc.array(word, { maxLength: 40 }),
    size: fc.integer({ min: 0, max: 0x100 }),
  });
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 3 }), segments => {
      try {
        const { rip } = loadElf(memory, { image: image(...segments) }).state;
        return rip >= 0x20_0000 && rip < 0x20_0010;
      } catch (error) {
        return error instanceof MachineError;
      }
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

const source = `
.macro note section name type alignment
  .pushsection \\section, "a", @note
  .p2align \\alignment
  .long 2f - 1f, 4f - 3f, \\type
1: .asciz "\\name"
2: .p2align \\alignment
3:
.endm
.macro endnote alignment
4: .p2align \\alignment
  .popsection
.endm
.globl _start, pvh_start
.text
_start: hlt
pvh_start: cli
note .note.first Linux 257 2
  .long 1
endnote 2
note .note.gnu.property GNU 5 3
  .long 0xc0000002, 4, 3, 0
endnote 3
note .note.Xen Xen 6 2
  .asciz "a guest"
  .byte 1
endnote 2
note .note.Xen Xen 18 2
  .long pvh_start
endnote 2
`;
/** As a kernel's linker script does it: all notes in one section and one segment. */
const script = `
PHDRS { text PT_LOAD; notes PT_NOTE; }
SECTIONS {
  . = 0x100000;
  .text : { *(.text) } :text
  .notes : { KEEP(*(.note.first)) KEEP(*(.note.gnu.property)) KEEP(*(.note.Xen)) } :text :notes
  /DISCARD/ : { *(.note.GNU-stack) }
}
`;

function link(t: ExecutionContext, ...options: string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-notes-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'a.s'), source);
  writeFileSync(join(folder, 'a.ld'), script);
  const run = (command: string, ...rest: string[]) => {
    const { status, stderr } = spawnSync(command, rest, { cwd: folder, encoding: 'utf8' });
    t.is(status, 0, stderr);
  };
  run('as', '-o', 'a.o', 'a.s');
  run('ld', '-static', ...options, '-o', 'a', 'a.o');
  return readFileSync(join(folder, 'a'));
}

needs('as', 'ld')('is found in what GNU ld makes: a segment for each alignment, or one for all', t => {
  for (const options of [['-Ttext-segment=0x100000'], ['-T', 'a.ld']]) {
    const file = link(t, ...options);
    t.is(memory.read8(entryOf(file)), 0xfa, options.join(' '));
  }
});
