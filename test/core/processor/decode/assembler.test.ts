import { readFileSync } from 'node:fs';
import test from 'ava';
import { MachineError } from '../../../../core/board/framework/error.ts';
import { assemble } from '../../../../core/processor/decode/assembler/assembler.ts';
import { type Bits, readRecording, toHex } from './recording.ts';
import { normalize } from './spelling.ts';
import { decodeBytes } from './support.ts';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

test('picks the bytes that GNU as picks', t => {
  const wrong: string[] = [];
  for (const line of read('assembler-corpus.txt').trimEnd().split('\n')) {
    const [bits, bytes, ...words] = line.split(' ');
    const text = words.join(' ').replace(/ \.$/, ' $');
    const ours = toHex(assemble(Number(bits) as Bits, text).bytes);
    if (ours !== bytes) wrong.push(`${bits} ${text}: as ${bytes}, ours ${ours}`);
  }
  t.deepEqual(wrong, []);
});

test('makes the same program as GNU as', t => {
  const { bytes } = assemble(64, read('program.s'), { origin: 0x10_0000 });
  t.is(toHex(bytes), read('program.hex').replaceAll('\n', ''));
});

/** What a text does not tell: written-out default segments, and addresses that need another address size. */
const plain = (text: string): string =>
  normalize(text)
    .replace(/ss:(?=\[[^\]]*[er]?[bs]p)/, '')
    .replace(/\w+ PTR (?=[c-gs]s:0x)/, '');

test('assembles what the disassembler writes, back to the same instruction', t => {
  const wrong: string[] = [];
  let count = 0;
  for (const { bits, bytes, address } of readRecording()) {
    const padded = new Uint8Array(15).fill(0x90);
    padded.set(bytes);
    const rip = BigInt(address);
    const { length, text } = decodeBytes(padded, bits, { rip });
    if (length < 0 || (bits === 64 && bytes.includes(0x67) && text.includes('ds:0x'))) continue;
    count++;
    const again = decodeBytes(assemble(bits, text, { origin: rip }).bytes, bits, { rip });
    if (plain(again.text) !== plain(text)) wrong.push(`${bits} ${toHex(bytes)}: ${text}, then ${again.text}`);
  }
  t.deepEqual(wrong.slice(0, 10), []);
  t.true(count > 5000);
});

test('reads the spellings of NASM', t => {
  const nasm = `
bits 32
org 0x7c00
size equ 4
start:  mov eax, [es:ebx+ecx*size]   ; a comment; with semicolons
        mov dword [value], 0ffh
        jmp near .local
.local: jmp short start
value:  dd 1, 'x', 0b1010
        times 3 db 0x55
        dw ($ - $$) & 0xffff
`;
  const gnu = `
.code32
mov eax, es:[ebx+ecx*4]
mov dword ptr [0x7c15], 0xff
.byte 0xe9, 0, 0, 0, 0
.byte 0xeb, -21
.long 1, 120, 10
.byte 0x55, 0x55, 0x55
.short 36
`;
  t.is(toHex(assemble(32, nasm).bytes), toHex(assemble(32, gnu, { origin: 0x7c00 }).bytes));
  t.is(assemble(32, nasm).symbols.get('start.local'), 0x7c13n);
});

test('branches grow only where they must', t => {
  const source = (gap: number): string => `a: jmp b\n.skip ${gap}\nb: jmp a`;
  t.is(assemble(64, source(120)).bytes.length, 2 + 120 + 2);
  t.is(assemble(64, source(126)).bytes.length, 2 + 126 + 5);
  t.is(assemble(64, source(127)).bytes.length, 2 + 127 + 5);
  t.is(assemble(64, source(128)).bytes.length, 5 + 128 + 5);
});

const complains = test.macro((t, bits: Bits, source: string, message: RegExp) => {
  const error = t.throws(() => assemble(bits, source), { instanceOf: MachineError })!;
  t.is(error.code, 'bad-argument');
  t.regex(error.message, message);
});

test('no such instruction', complains, 64, 'nop\nfrobnicate eax', /line 2.*frobnicate/);
test('no such form', complains, 64, 'mov eax, bl', /no form of "mov"/);
test('not in this mode', complains, 64, 'pusha', /64-bit/);
test('size unclear', complains, 64, 'add [rax], 1', /size of the memory operand/);
test('undefined label', complains, 64, 'jmp nowhere', /"nowhere" is not defined/);
test('defined twice', complains, 64, 'a: nop\na: nop', /twice/);
test('high byte with REX', complains, 64, 'mov ah, r8b', /no form/);
test('value too wide', complains, 64, 'db 256', /does not fit/);
test('two index registers', complains, 64, 'mov eax, [rax*2+rbx*4]', /two index/);
test('expression cut short', complains, 64, 'db 1+', /too early/);
test('org backwards', complains, 64, 'org 16\nnop\norg 8', /org/);
