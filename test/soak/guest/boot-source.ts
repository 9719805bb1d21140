/** Kernel and initramfs of a guest of the soak. */
import type { BootSource, InitramfsOptions } from '#machines';
import { guest } from '../../../cli/fetch/initrd.ts';

export interface GuestBoot {
  readonly script: string;
  readonly files?: InitramfsOptions['files'];
  readonly disk: boolean;
  readonly clock: 'virtual' | 'host';
}

export const commandLine = 'console=ttyS0 panic=-1';

export async function bootSource({ script, files = [], disk, clock }: GuestBoot): Promise<BootSource> {
  const modules = disk ? ['virtio_pci', 'virtio_blk'] : [];
  const { kernel, initrd } = await guest({ modules, script, files });
  return { kind: 'kernel', kernel, initrd, commandLine: `${commandLine}${clock === 'host' ? ' no_timer_check' : ''}` };
}
