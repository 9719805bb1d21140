/** The bench kernel with one workload in it, as a file that QEMU and virt64 boot alike. */
import { assemble } from '#core';
import { elf } from './elf.ts';
import { layout } from './layout.ts';
import { report } from './report.ts';
import { startup } from './startup.ts';
import type { Workload } from './workload.ts';

export function image({ source }: Workload, iterations: number): Uint8Array {
  const { bytes, symbols } = assemble(32, `${startup}\n${report}\n${source}`, {
    origin: layout.image,
    symbols: { iterations },
  });
  return elf({ address: layout.image, bytes, entry: Number(symbols.get('entry')) });
}
