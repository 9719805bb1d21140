import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guest } from './driver.ts';

const qemu = 'qemu-system-x86_64';

export const qemuIsHere = (): boolean =>
  [qemu, 'mkfifo'].every(program => spawnSync(program, ['--version']).status === 0);

type Size = 1 | 2 | 4 | 8;
const suffix: Readonly<Record<Size, string>> = { 1: 'b', 2: 'w', 4: 'l', 8: 'q' };

/** QEMU's devices with a processor that sleeps, poked over its qtest protocol: another implementation of what our driver expects. */
export class QemuGuest implements Guest {
  readonly #process: ChildProcess;
  readonly #out: number;
  readonly #in: number;

  constructor(folder: string, devices: readonly string[]) {
    const pipe = join(folder, 'qtest');
    spawnSync('mkfifo', [`${pipe}.in`, `${pipe}.out`]);
    // Firmware of HLT instructions; not every QEMU has the accelerator that does without a processor.
    const firmware = join(folder, 'halt.bin');
    writeFileSync(firmware, new Uint8Array(0x1_0000).fill(0xf4));
    const machine = ['-machine', 'pc,accel=tcg', '-bios', firmware, '-m', '16', '-nodefaults', '-display', 'none'];
    const control = ['-chardev', `pipe,id=qtest,path=${pipe}`, '-qtest', 'chardev:qtest', '-qtest-log', 'none'];
    this.#process = spawn(qemu, [...machine, ...control, ...devices], { stdio: 'ignore' });
    this.#out = openWhenRead(`${pipe}.in`);
    this.#in = openSync(`${pipe}.out`, 'r');
  }

  close(): void {
    this.#process.kill();
    closeSync(this.#out);
    closeSync(this.#in);
  }

  read(slot: number, register: number, size: 1 | 2 | 4 = 4): number {
    this.#select(slot, register);
    return this.#ask(`in${suffix[size]} ${0xcfc + (register & 3)}`);
  }

  write(slot: number, register: number, value: number, size: 1 | 2 | 4 = 4): void {
    this.#select(slot, register);
    this.#ask(`out${suffix[size]} ${0xcfc + (register & 3)} ${value}`);
  }

  load(address: number, size: Size = 4): number {
    return this.#ask(`read${suffix[size]} ${address}`);
  }

  store(address: number, value: number | bigint, size: Size = 4): void {
    this.#ask(`write${suffix[size]} ${address} 0x${value.toString(16)}`);
  }

  readonly memory: Guest['memory'] = {
    read8: address => this.load(address, 1),
    read16: address => this.load(address, 2),
    read32: address => this.load(address, 4),
    write8: (address, value) => this.store(address, value, 1),
    write16: (address, value) => this.store(address, value, 2),
    write32: (address, value) => this.store(address, value, 4),
    write64: (address, value) => this.store(address, value, 8),
    fill: (address, length, byte) => {
      this.#ask(`memset ${address} ${length} ${byte}`);
      return true;
    },
  };

  /** QEMU's disks take real time, on a busy computer much of it. */
  async advance(_nanoseconds: number, expected: () => boolean = () => false): Promise<void> {
    for (let tries = 0; tries < 10_000 && !expected(); tries++) await sleep(20);
  }

  #select(slot: number, register: number): void {
    this.#ask(`outl ${0xcf8} ${(0x8000_0000 | (slot << 11) | (register & 0xfc)) >>> 0}`);
  }

  #ask(command: string): number {
    writeSync(this.#out, `${command}\n`);
    const [outcome, value] = this.#line().split(' ');
    if (outcome !== 'OK') throw new Error(`${command}: ${outcome} ${value}`);
    return value ? Number(value) : 0;
  }

  #line(): string {
    const byte = Buffer.alloc(1);
    let line = '';
    for (;;) {
      if (readSync(this.#in, byte, 0, 1, null) === 0) throw new Error('QEMU has ended');
      if (byte[0] === 10) return line;
      line += byte.toString('latin1');
    }
  }
}

/** A pipe that nobody opens must not stop us for good. */
function openWhenRead(path: string): number {
  const nap = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 10_000; ; tries--) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (tries === 0) throw error;
      Atomics.wait(nap, 0, 0, 20);
    }
  }
}
