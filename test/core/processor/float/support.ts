import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { operations, type Recording, readRecording, type Vector } from './vectors.ts';

const recording = readRecording(gunzipSync(readFileSync(new URL('recorded.bin.gz', import.meta.url))));

/** One case per recorded operation numbered `from` … `to`: its name, and what replaying it gets wrong. */
export function* replays(
  from: number,
  to: number,
  replay: (recording: Recording, vector: Vector) => string | undefined,
): Generator<{ name: string; count: number; differences: () => string[] }> {
  for (let operation = from; operation <= to; operation++) {
    const vectors = recording.vectors.filter(vector => vector.operation === operation);
    if (vectors.length === 0) continue;
    yield {
      name: operations[operation],
      count: vectors.length,
      differences: () => vectors.map(vector => replay(recording, vector)).filter(found => found !== undefined),
    };
  }
}
