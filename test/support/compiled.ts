/** Programs in C without a C library, for Linux in a guest. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The executable, or undefined where it cannot be built: gcc or the kernel's headers are missing. */
export function compiled(source: URL): Uint8Array | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-compiled-'));
  try {
    const target = join(folder, 'program');
    const options = ['-O1', '-static', '-nostdlib', '-ffreestanding', '-fno-stack-protector', '-Wno-main'];
    const { status } = spawnSync('gcc', [...options, '-o', target, source.pathname]);
    return status === 0 ? readFileSync(target) : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
