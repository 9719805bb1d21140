/** Little-endian reads of instruction bytes. Past the end they give zeros: the decoder compares positions when it is done. */
import type { ByteSource } from './decoded.ts';

export const byteAt = (source: ByteSource, at: number): number => (at < source.length ? source.at(at) : 0);

export const signedByteAt = (source: ByteSource, at: number): number => (byteAt(source, at) << 24) >> 24;

export const wordAt = (source: ByteSource, at: number): number => byteAt(source, at) | (byteAt(source, at + 1) << 8);

export const signedWordAt = (source: ByteSource, at: number): number => (wordAt(source, at) << 16) >> 16;

export const longAt = (source: ByteSource, at: number): number => wordAt(source, at) | (wordAt(source, at + 2) << 16);
