/** Runs what our loaders put into memory on QEMU's processor instead of ours: the loaders and tables then have a judge of their own. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootState, Loaded } from '../../machines/boot/boot-state.ts';
import { isHere } from './tools.ts';

const qemu = 'qemu-system-x86_64';

export const qemuIsHere = (): boolean => isHere(qemu, 'as', 'objcopy');

/** Firmware of 64 KiB that does nothing but enter the boot state, and give the PIIX4 its power management ports at 0x600. */
const firmware = ({ cr0, cr3, cr4, efer, gdt, rip, registers, segments }: BootState): string => `
.code16
base:
  cli
  lgdtl %cs:(gdtr - base)
  movl %cr0, %eax
  orl $1, %eax
  movl %eax, %cr0
  ljmpl $8, $(0xffff0000 + protected - base)
.macro configure register, value
  mov $0xcf8, %dx; mov $(0x80000b00 + \\register), %eax; out %eax, %dx
  mov $0xcfc, %dx; mov $\\value, %eax; out %eax, %dx
.endm
.code32
protected:
  mov $16, %eax
  mov %eax, %ds
  mov %eax, %ss
  configure 0x40, 0x601
  configure 0x80, 1
  configure 0x04, 3
  mov $${cr4}, %eax
  mov %eax, %cr4
  mov $${cr3}, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  xor %edx, %edx
  mov $${efer & 0x100}, %eax
  wrmsr
  lgdt (0xffff0000 + guest - base)
  mov $${cr0}, %eax
  mov %eax, %cr0
  ljmp $${segments.cs.selector}, $(0xffff0000 + long - base)
.code64
long:
  mov $${segments.ds.selector}, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  mov $${registers.rsi ?? 0}, %esi
  mov $${rip}, %eax
  jmp *%rax
.align 8
table: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr: .word 23; .long 0xffff0000 + table - base
guest: .word ${gdt.limit}; .long ${gdt.base}
.org 0xfff0
.code16
  .byte 0xe9; .word base - (. + 2)
.org 0x10000
`;

/** Boots and answers the serial console's text, once the guest has powered off or `seconds` have passed. */
export async function consoleOnQemu(
  memory: Uint8Array,
  { state, placements }: Loaded,
  seconds: number,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'virt64-qemu-'));
  try {
    writeFileSync(join(folder, 'rom.s'), firmware(state));
    execFileSync('as', ['--32', '-o', 'rom.o', 'rom.s'], { cwd: folder });
    execFileSync('objcopy', ['-O', 'binary', '-j', '.text', 'rom.o', 'rom'], { cwd: folder });
    const low = { name: 'low', base: 0x1000, size: 0x9_f000 };
    const pieces = [low, ...placements.filter(({ base }) => base >= 0x10_0000)];
    const loaders = pieces.flatMap(({ name, base, size }) => {
      writeFileSync(join(folder, name), memory.subarray(base, base + size));
      return ['-device', `loader,file=${name},addr=${base},force-raw=on`];
    });
    const machine = ['-M', 'pc', '-accel', 'tcg', '-m', `${memory.length}b`, '-nic', 'none', '-no-reboot'];
    const screen = ['-display', 'none', '-serial', `file:${join(folder, 'console')}`, '-monitor', 'none'];
    return await output([...machine, ...screen, '-bios', 'rom', ...loaders], folder, seconds);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * QEMU's PIIX4 knows no soft-off of type 5, so the guest's last words end the run. They go to a file: where a pipe is full for a while, QEMU
 * loses characters.
 */
function output(options: readonly string[], cwd: string, seconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(qemu, options, { cwd, stdio: 'ignore' });
    const log = join(cwd, 'console');
    const read = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
    const timer = setTimeout(() => child.kill(), seconds * 1000);
    const watch = setInterval(() => {
      if (/reboot: Power down\r?\n/.test(read())) child.kill();
    }, 250);
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      clearInterval(watch);
      resolve(read());
    });
  });
}
