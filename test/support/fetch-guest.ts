/** Fills the cache with the guest that whole boots use, before the tests start: some of them skip themselves where it is missing. */
import { MachineError } from '#core';
import { fetchGuest } from '../../cli/fetch/guest.ts';

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

try {
  const { versions } = await fetchGuest({ onProgress: say });
  say(`guest for whole boots: Linux ${versions.kernelRelease}`);
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  say(`no guest for whole boots: ${error.message}`);
}
