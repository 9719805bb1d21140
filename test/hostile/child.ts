/** The process of one case or of several: performs them one after the other, and tells the parent. */
import type { Case, Result } from './case.ts';
import { guests } from './guests.ts';
import { watchForParent } from './orphan-watch.ts';
import { perform } from './perform.ts';

const tell = (message: unknown): Promise<void> => new Promise(resolve => process.send!(message, () => resolve()));

async function result(given: Case): Promise<Result> {
  const guest = guests.find(({ name }) => name === given.guest)!;
  try {
    const { ended, ...measurement } = await perform(guest, given, () => process.send!({ kind: 'sign' }));
    return ended === undefined ? { kind: 'ran', measurement } : { kind: 'ended', how: ended, measurement };
  } catch (error) {
    return { kind: 'threw', error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

watchForParent();
await tell({ kind: 'sign' });
for (const each of JSON.parse(process.argv[2]) as Case[]) await tell(await result(each));
process.exit();
