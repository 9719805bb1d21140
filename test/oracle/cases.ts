/** The reader of the recorded files. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import type { Vendor } from '../../core/processor/isa/form.ts';
import type { Case, Recording } from './case.ts';
import { ByteReader, readCase, readHeader } from './encoding.ts';

const open = (path: string | URL): ByteReader =>
  new ByteReader(new Uint8Array(brotliDecompressSync(readFileSync(path))));

export const readRecording = (path: string | URL): Recording => readHeader(open(path));

export function* readCases(path: string | URL): Iterable<Case> {
  const reader = open(path);
  const { processor, count } = readHeader(reader);
  const vendor = vendorOf(processor);
  for (let i = 0; i < count; i++) yield { ...readCase(reader), vendor };
}

/** From the name of a processor. */
export const vendorOf = (processor: string): Vendor => (processor.includes('GenuineIntel') ? 'intel' : 'amd');

/** The committed recordings. */
export const recordings = [
  'integer',
  'float',
  'extended',
  'vector',
  'avx',
  'legacy',
  'alias',
  'legacy-alias',
  'legacy-vector',
  'vendor',
  'legacy-vendor',
].map(name => ({
  name,
  path: new URL(`./vectors/${name}.bin.br`, import.meta.url),
}));
