/** Guests of a few instructions. Each is a piece of source for any mode of the processor, so that pieces can be put one behind the other. */
import { assemble } from '#core';
import type { BootMode, BootSource } from '#machines';

/** Where guests print: Bochs' debug console. A machine of `testMachine` has it. */
export const printPort = 0xe9;
/** Where guests end a run with an exit code: a debug-exit of `testMachine`, `code: 'plain'`. */
export const exitPort = 0xf4;
/** Where their code lies. */
export const codeAddress = 0x1_0000;

const bits = { real: 16, protected: 32, long: 64 } as const;

export const guests = {
  /** Halts with interrupts off: the outcome is `halted`. */
  halt: 'cli\n hlt\n',

  /** Runs for ever. */
  spin: 'jmp $\n',

  /** An invalid instruction. Without handlers the processor shuts down: `tripleFault`. In real mode handlers are where the zeros at 0 point. */
  fault: 'ud2\n',

  /** Ends the run: `{ kind: 'exit', code }`. */
  exit: (code: number): string => `mov al, ${code & 0xff}\n out ${exitPort}, al\n`,

  /** Prints text, byte by byte: to the debug console, or to another port, COM1's for one (0x3f8). */
  print(text: string, port: number = printPort): string {
    const bytes = [...new TextEncoder().encode(text)];
    return `mov dx, ${port}\n${bytes.map(byte => `mov al, ${byte}\n out dx, al\n`).join('')}`;
  },
} as const;

/** What a machine boots, of source or of machine code; for any profile. */
export function bootCode(code: string | Uint8Array, mode: BootMode = 'protected'): BootSource {
  const image = typeof code === 'string' ? assemble(bits[mode], code, { origin: originOf(mode) }).bytes : code;
  return { kind: 'raw', image, options: { address: codeAddress, mode } };
}

/** In real mode CS leads to the code. */
const originOf = (mode: BootMode): number => (mode === 'real' ? 0 : codeAddress);
