/** Snippets around the fixed part of an image, assembled by GNU as; and the IDT that goes with it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** k or u for the privilege, then the width of the code; v and IOPL for virtual-8086 mode. */
export type Mode = 'k64' | 'u64' | 'u32' | 'k32' | 'v0' | 'v3';

export interface Snippet {
  readonly mode: Mode;
  readonly code: string;
}

export interface Gate {
  readonly vector: number;
  /** Vector whose entry it leads to; its own if absent. */
  readonly entry?: number;
  readonly dpl?: 0 | 3;
  readonly type?: number;
  readonly selector?: number;
  readonly present?: false;
  readonly stack?: number;
}

export interface Plan {
  readonly source: string;
  /** In the order of the numbers that the image's table has for them. */
  readonly modes: readonly Mode[];
  readonly gates: readonly Gate[];
  readonly wide: boolean;
}

/** Pieces of memory by address. */
export type Image = readonly { readonly address: number; readonly bytes: Uint8Array }[];

export const places = { kernel: 0x7000, virtual: 0x3_0000, idt: 0x5_1000, user: 0x11_0000 } as const;

/** Pages of the long image with something wrong about them. */
export const pages = { np: 0x18_0000, ro: 0x18_1000, sup: 0x18_2000, nx: 0x18_3000, supro: 0x18_5000 } as const;

const withError = new Set([8, 10, 11, 12, 13, 14, 17]);

const entry = (vector: number): string =>
  `h${vector}: ${withError.has(vector) ? '' : 'push $0; '}push $${vector}; jmp common`;

const symbols = { ...pages, userdata: 0x12_0000, ssdata: 0x12_0400, ustack: 0x12_3000 };

function source({ source, modes, gates, wide }: Plan, snippets: readonly Snippet[]): string {
  const unit = wide ? '.quad' : '.long';
  const bodies = (letter: string): string[] =>
    snippets.flatMap(({ mode, code }, n) =>
      mode[0] === letter
        ? [`.code${letter === 'v' ? 16 : mode.slice(1)}`, `t${n}: ${code.replaceAll(';', '\n')}`, 'int $0x60']
        : [],
    );
  const entries = [...new Set(gates.map(({ vector, entry }) => entry ?? vector))];
  return [
    ...Object.entries({ ...symbols, count: snippets.length }).map(([name, value]) => `.set ${name}, ${value}`),
    source,
    '.org 0x6000',
    '.align 16',
    'table:',
    ...snippets.map(({ mode }, n) => `${unit} t${n}, ${modes.indexOf(mode)}`),
    wide ? '.code64' : '.code32',
    ...entries.map(entry),
    ...bodies('k'),
    '.section .virtual, "ax"',
    ...bodies('v'),
    '.section .user, "ax"',
    wide ? '.code64' : '.code32',
    'ucode: int $0x60',
    '.code32',
    'ucode32: int $0x60',
    ...bodies('u'),
    '',
  ].join('\n');
}

function table({ gates, wide }: Plan, addresses: ReadonlyMap<string, number>): Uint8Array {
  const size = wide ? 16 : 8;
  const view = new DataView(new ArrayBuffer(256 * size));
  for (const { vector, entry = vector, dpl = 0, type = 14, selector = 8, present = true, stack = 0 } of gates) {
    const target = addresses.get(`h${entry}`)!;
    const at = vector * size;
    view.setUint16(at, target & 0xffff, true);
    view.setUint16(at + 2, selector, true);
    view.setUint8(at + 4, stack);
    view.setUint8(at + 5, (present ? 0x80 : 0) | (dpl << 5) | type);
    view.setUint16(at + 6, target >>> 16, true);
  }
  return new Uint8Array(view.buffer);
}

const script = `SECTIONS {
  . = ${places.kernel}; .text : { *(.text) }
  . = ${places.virtual}; .virtual : { *(.virtual) }
  . = ${places.user}; .user : { *(.user) }
  /DISCARD/ : { *(.note*) *(.data) *(.bss) }
}`;

export function assembleImage(plan: Plan, snippets: readonly Snippet[]): Image {
  const cwd = mkdtempSync(join(tmpdir(), 'virt64-image-'));
  const run = (tool: string, ...options: string[]): string =>
    execFileSync(tool, options, { cwd, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  try {
    writeFileSync(join(cwd, 'image.s'), source(plan, snippets));
    writeFileSync(join(cwd, 'image.ld'), script);
    run('as', plan.wide ? '--64' : '--32', '-o', 'image.o', 'image.s');
    run('ld', '-m', plan.wide ? 'elf_x86_64' : 'elf_i386', '-T', 'image.ld', '-o', 'image', 'image.o');
    const addresses = new Map(
      run('nm', 'image')
        .split('\n')
        .map(line => line.split(' '))
        .map(([address, , name]) => [name!, Number.parseInt(address!, 16)]),
    );
    const section = (name: string, address: number) => {
      run('objcopy', '-O', 'binary', '-j', name, 'image', 'section');
      return { address, bytes: new Uint8Array(readFileSync(join(cwd, 'section'))) };
    };
    return [
      section('.text', places.kernel),
      section('.virtual', places.virtual),
      section('.user', places.user),
      { address: places.idt, bytes: table(plan, addresses) },
    ].filter(({ bytes }) => bytes.length > 0);
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
