/** The program as it is started, and kernels for it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { assemble } from '#core';
import { syntheticKernel } from '../support/kernel.ts';

export const bin = fileURLToPath(new URL('../../cli/bin.js', import.meta.url));
export const folder = mkdtempSync(join(tmpdir(), 'virt64-program-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/** A kernel that does what the assembly says, in 64-bit mode. */
export function kernel(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, syntheticKernel({ code: assemble(64, source).bytes }));
  return path;
}

export function start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder, env: { ...process.env, ...environment } });
  child.stdin.on('error', () => {});
  return child;
}

export async function end(child: ChildProcessWithoutNullStreams) {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | null>(resolve => child.on('close', resolve));
  return { status, stdout, stderr };
}

export function run(...args: string[]) {
  const child = start(args);
  child.stdin.end();
  return end(child);
}

const emptyReceiver = `
    mov dx, 0x3fa
    mov al, 7
    out dx, al
`;
const repeat = `
  wait:
    mov dx, 0x3fd
    in  al, dx
    test al, 1
    jz  wait
    mov dx, 0x3f8
    in  al, dx
    xor al, 0x20
    out dx, al
    jmp wait
`;
/** Empties the receiver and listens, as a driver does; says so, and then what it reads, with capitals for small letters. */
export const answer = kernel(
  'answer',
  `
    ${emptyReceiver}
    mov dx, 0x3fc
    mov al, 0x0b
    out dx, al
    mov dx, 0x3f9
    mov al, 1
    out dx, al
    mov dx, 0x3f8
    mov al, 62
    out dx, al
    ${repeat}
  `,
);
/** Has other things to do at first; then as above, without an interrupt. */
export const polling = kernel(
  'polling',
  `
    mov ecx, 0x8000000
  busy:
    dec ecx
    jnz busy
    ${emptyReceiver}
    ${repeat}
  `,
);
