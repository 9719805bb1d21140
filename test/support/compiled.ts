/** Programs in C for Linux in a guest. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const freestanding = ['-O1', '-nostdlib', '-ffreestanding', '-fno-stack-protector', '-Wno-main'];

/** The executable, without a C library or with one, or undefined where it cannot be built: gcc, the library or the kernel's headers are missing. */
export function compiled(source: URL, library = false): Uint8Array | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-compiled-'));
  try {
    const target = join(folder, 'program');
    const options = ['-static', ...(library ? ['-O2'] : freestanding)];
    const { status } = spawnSync('gcc', [...options, '-o', target, source.pathname]);
    return status === 0 ? readFileSync(target) : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
