/**
 * Programs of the system that tests ask for their opinion. Where one is missing, tests that need it are skipped, and the run
 * says so at its end; `npm run setup:test-tools` installs them.
 */
import { spawnSync } from 'node:child_process';

/** By the program's name: the Debian package that has it. */
export const packages = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  as: 'binutils',
  objcopy: 'binutils',
  ld: 'binutils',
  nm: 'binutils',
  gdb: 'gdb',
  iasl: 'acpica-tools',
  dmidecode: 'dmidecode',
  cpio: 'cpio',
  script: 'bsdutils',
  setpriv: 'util-linux',
  zsh: 'zsh',
  fish: 'fish',
  chromium: 'chromium',
} as const;

export type Tool = keyof typeof packages;

export const isHere = (...tools: Tool[]): boolean =>
  tools.every(tool => !spawnSync(tool, ['--version'], { stdio: 'ignore' }).error);

export const missingTools = (): Tool[] => (Object.keys(packages) as Tool[]).filter(tool => !isHere(tool));
