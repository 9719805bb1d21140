/** The machine code of the kit's guests is what GNU as makes of the same source. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootCode, guests } from 'virt64/testing';
import { needs } from '../support/needs.ts';

const sources = [guests.halt, guests.spin, guests.fault, guests.exit(0x5a), guests.print('é', 0x3f8)];
const directives = { real: '.code16', protected: '.code32', long: '.code64' } as const;

/** In the words of GNU as. */
const translated = (source: string): string => source.replace('jmp $', 'jmp .');

needs('as', 'objcopy')('guests are assembled as GNU as does it', t => {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-guests-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = (name: string): string => join(folder, name);
  for (const mode of ['real', 'protected', 'long'] as const)
    for (const source of sources) {
      writeFileSync(file('guest.s'), `.intel_syntax noprefix\n${directives[mode]}\n${translated(source)}`);
      t.is(spawnSync('as', ['-o', file('guest.o'), file('guest.s')]).status, 0);
      t.is(spawnSync('objcopy', ['-O', 'binary', '-j', '.text', file('guest.o'), file('guest.bin')]).status, 0);
      const boot = bootCode(source, mode);
      t.deepEqual(boot.kind === 'raw' && [...boot.image], [...readFileSync(file('guest.bin'))], `${mode}: ${source}`);
    }
});
