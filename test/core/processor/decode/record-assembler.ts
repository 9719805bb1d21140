/**
 * Fills in the bytes of assembler-corpus.txt (`bits bytes text`) and program.hex from GNU as.
 * Run: npx tsx test/core/processor/decode/record-assembler.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const file = (name: string): URL => new URL(name, import.meta.url);
const mark = [0xde, 0xad, 0xbe, 0xef, 0x99];
const folder = mkdtempSync(join(tmpdir(), 'as-'));

function assembled(source: string, origin: number): string {
  const [text, object, image] = ['a.s', 'a.o', 'a.bin'].map(name => join(folder, name)) as [string, string, string];
  writeFileSync(text, source);
  execFileSync('as', ['--64', '-o', object, text]);
  execFileSync('ld', ['-Ttext', `0x${origin.toString(16)}`, '--oformat', 'binary', '-e', '0', '-o', image, object]);
  return readFileSync(image).toString('hex');
}

try {
  execFileSync('as', ['--version']);
} catch {
  console.error('as is not here: install GNU binutils to record its view again');
  process.exit(1);
}
try {
  const entries = readFileSync(file('assembler-corpus.txt'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split(' '));
  const source = entries.map(
    ([bits, , ...text]) =>
      `.code${bits}\n${text.join(' ')}\n.byte ${mark.map(byte => `0x${byte.toString(16)}`).join()}\n`,
  );
  const parts = assembled(`.intel_syntax noprefix\n${source.join('')}`, 0).split(Buffer.from(mark).toString('hex'));
  const lines = entries.map(([bits, , ...text], n) => `${bits} ${parts[n]} ${text.join(' ')}`);
  writeFileSync(file('assembler-corpus.txt'), `${lines.join('\n')}\n`);
  const program = readFileSync(file('program.s'), 'utf8');
  writeFileSync(file('program.hex'), `${assembled(program, 0x10_0000).replace(/.{64}/g, '$&\n')}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
