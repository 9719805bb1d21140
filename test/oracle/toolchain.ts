/** GNU as and the native runner: snippets to bytes, and bytes to results on this machine's own processor. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Case, Patch } from './case.ts';
import { mnemonicsOf } from './case.ts';
import { vendorOf } from './cases.ts';
import { cleanFx, codeBase, fxSize } from './machine.ts';
import type { Snippet } from './snippet.ts';

const bufferLimit = 1 << 29;

/** Throws, with what to do about it, where snippets cannot be assembled and run. */
export const requireToolchain = (): void => {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('Recording runs instructions natively: it needs Linux on an x86-64 processor.');
  }
  for (const tool of ['gcc', 'as', 'objcopy']) {
    if (spawnSync(tool, ['--version']).status !== 0) {
      throw new Error(`"${tool}" was not found. Install gcc and binutils (Debian: apt install gcc binutils).`);
    }
  }
};

export const processorName = (): string => {
  const info = readFileSync('/proc/cpuinfo', 'latin1');
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(info)?.[1] ?? '?';
  return `${field('model name')} (${field('vendor_id')} family ${field('cpu family')} model ${field('model')} stepping ${field('stepping')})`;
};

const run = (tool: string, args: string[], input?: Uint8Array): { status: number; output: Buffer; errors: string } => {
  const done = spawnSync(tool, args, { maxBuffer: bufferLimit, ...(input && { input }) });
  return { status: done.status ?? -1, output: done.stdout, errors: done.stderr.toString() };
};

/** Bytes per snippet; undefined where GNU as refused one (a template asked for a combination that does not exist). */
export const assemble = (snippets: readonly Snippet[]): { bytes: Uint8Array | undefined; complaint: string }[] => {
  const folder = mkdtempSync(join(tmpdir(), 'oracle-'));
  try {
    const complaints = new Map<number, string>();
    for (let attempt = 0; ; attempt++) {
      const lines = ['.intel_syntax noprefix'];
      const owner: number[] = [-1];
      snippets.forEach((snippet, i) => {
        const body = complaints.has(i) ? [] : snippet.lines;
        for (const line of [
          '.text',
          `.code${snippet.mode}`,
          '7777:',
          ...body,
          '8888:',
          '.section .lengths',
          '.long 8888b - 7777b',
        ]) {
          lines.push(line);
          owner.push(i);
        }
      });
      writeFileSync(join(folder, 'all.s'), `${lines.join('\n')}\n`);
      const done = run('as', ['--64', '-o', join(folder, 'all.o'), join(folder, 'all.s')]);
      if (done.status === 0) break;
      for (const [, line, message] of done.errors.matchAll(/all\.s:(\d+): Error: (.*)/g)) {
        complaints.set(owner[Number(line) - 1], `${lines[Number(line) - 1]}: ${message}`);
      }
      if (attempt > 3) throw new Error(`as: ${done.errors.slice(0, 2000)}`);
    }
    const section = (name: string): Buffer => {
      const path = join(folder, 'section');
      run('objcopy', ['-O', 'binary', '-j', name, '--set-section-flags', `${name}=alloc`, join(folder, 'all.o'), path]);
      return readFileSync(path);
    };
    const text = section('.text');
    const lengths = section('.lengths');
    let at = 0;
    return snippets.map((_, i) => {
      const bytes = new Uint8Array(text.subarray(at, (at += lengths.readUInt32LE(i * 4))));
      return { bytes: complaints.has(i) ? undefined : bytes, complaint: complaints.get(i) ?? '' };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** What one run needs: a case without its result. */
export type Request = Pick<Case, 'bytes' | 'mode' | 'before' | 'memory'>;
export type Result = Pick<Case, 'after' | 'memoryAfter' | 'fault'>;

const codeLimit = 192;
const requestSize = 16 + codeLimit + 128 + 16 + fxSize;
const responseSize = 16 + 8 + 128 + 16 + fxSize;
const outcomeOk = 0x100;
const outcomeTimeout = 0x101;

/** The runner, compiled once into a temporary folder; dispose of it with `using`. */
export class NativeProcessor implements Disposable {
  readonly #folder: string;
  readonly #program: string;

  constructor() {
    requireToolchain();
    this.#folder = mkdtempSync(join(tmpdir(), 'oracle-'));
    this.#program = join(this.#folder, 'runner');
    const source = (name: string) => new URL(`./native/${name}`, import.meta.url).pathname;
    const options = ['-O1', '-static', '-no-pie', '-fno-pie', '-o', this.#program];
    const done = run('gcc', [...options, source('runner.c'), source('enter.S')]);
    if (done.status !== 0) throw new Error(`gcc could not build the runner:\n${done.errors}`);
  }

  /** Undefined where a snippet did not come to an end in time. */
  run(requests: readonly Request[]): (Result | undefined)[] {
    const done = run(this.#program, [], Buffer.concat(requests.flatMap(encodeRequest)));
    if (done.status !== 0) throw new Error(`the runner failed (status ${done.status}): ${done.errors}`);
    const results: (Result | undefined)[] = [];
    for (let at = 0; at < done.output.length; ) {
      const { result, size } = decodeResponse(done.output, at);
      results.push(result);
      at += size;
    }
    if (results.length !== requests.length)
      throw new Error(`the runner answered ${results.length} of ${requests.length} requests`);
    return results;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

const encodeRequest = ({ bytes, mode, before, memory }: Request): Uint8Array[] => {
  if (bytes.length > codeLimit) throw new Error(`a snippet of ${bytes.length} bytes is too long`);
  const block = new Uint8Array(requestSize);
  const view = new DataView(block.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, mode, true);
  view.setUint32(8, memory.length, true);
  block.set(bytes, 16);
  const registers = 16 + codeLimit;
  for (const [i, value] of before.gpr.entries()) view.setBigUint64(registers + i * 8, value, true);
  view.setBigUint64(registers + 128, BigInt(before.rflags), true);
  block.set(before.fx, registers + 144);
  const parts: Uint8Array[] = [block];
  for (const patch of memory) {
    parts.push(new Uint8Array(new Uint32Array([patch.address, patch.bytes.length]).buffer), patch.bytes);
  }
  return parts;
};

const decodeResponse = (output: Buffer, start: number): { result: Result | undefined; size: number } => {
  const outcome = output.readUInt32LE(start);
  const error = output.readUInt32LE(start + 4);
  const changes = output.readUInt32LE(start + 8);
  const address = output.readBigUInt64LE(start + 16);
  const gpr = BigUint64Array.from({ length: 16 }, (_, i) => output.readBigUInt64LE(start + 24 + i * 8));
  const rip = output.readBigUInt64LE(start + 152);
  const rflags = Number(output.readBigUInt64LE(start + 160));
  const fx = cleanFx(new Uint8Array(output.subarray(start + 168, start + responseSize)));
  const memoryAfter: Patch[] = [];
  let at = start + responseSize;
  for (let i = 0; i < changes; i++) {
    const length = output.readUInt32LE(at + 4);
    memoryAfter.push({
      address: output.readUInt32LE(at),
      bytes: new Uint8Array(output.subarray(at + 8, at + 8 + length)),
    });
    at += 8 + length;
  }
  const fault = outcome === outcomeOk ? undefined : { vector: outcome, error, address };
  const result = outcome === outcomeTimeout ? undefined : { after: { gpr, rip, rflags, fx }, memoryAfter, fault };
  return { result, size: at - start };
};

/** Assembles and runs snippets; those that as refuses, that never end or that leave the code page are left out. */
export const record = (
  processor: NativeProcessor,
  snippets: readonly Snippet[],
  refused: (complaint: string) => void,
): Case[] => {
  const prepared = assemble(snippets).flatMap(({ bytes, complaint }, i) => {
    if (!bytes) refused(complaint);
    return bytes ? [{ snippet: snippets[i], request: { ...snippets[i].request(), bytes } }] : [];
  });
  const results = processor.run(prepared.map(({ request }) => request));
  const vendor = vendorOf(processorName());
  return prepared.flatMap(({ snippet, request }, i) => {
    const result = results[i];
    const text = snippet.lines.join('; ');
    const offset = result ? Number(result.after.rip) - codeBase : -1;
    if (!result || offset < 0 || offset > request.bytes.length) {
      refused(`${text}: ${result ? 'left its code' : 'did not end'}`);
      return [];
    }
    const made = { text, vendor, mnemonics: mnemonicsOf(text), ...request, ...result, ...snippet.judgement() };
    return [snippet.review(made)];
  });
};
