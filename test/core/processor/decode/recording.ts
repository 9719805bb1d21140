/** What GNU objdump makes of our rows' encodings: `objdump.br`, one line each, written by record.ts. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

export type Bits = 16 | 32 | 64;

export interface Recorded {
  readonly bits: Bits;
  /** Where objdump thought the instruction to be. */
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly text: string;
}

export const recordingFile: URL = new URL('objdump.br', import.meta.url);

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const parseRecording = (text: string): Recorded[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => {
      const [bits, address, hex, ...words] = line.split(' ');
      return {
        bits: Number(bits) as Bits,
        address: Number(address),
        bytes: Uint8Array.from(Buffer.from(hex!, 'hex')),
        text: words.join(' '),
      };
    });

export const readRecording = (): Recorded[] =>
  parseRecording(brotliDecompressSync(readFileSync(recordingFile)).toString());
