/** A plugin whose device throws in a timer: for the tests of the program. */
import { toyvirt, use } from 'virt64';
import { Clock, ComponentName, Device, device } from 'virt64/devices';

@device('firecracker')
export class Firecracker extends Device {
  static readonly options = {};
  constructor(
    @ComponentName readonly name: string,
    @Clock clock: Clock,
  ) {
    super();
    clock.schedule(1000, () => {
      throw new RangeError('bang');
    });
  }
  reset(): void {}
  save() {
    return { version: 1 };
  }
  restore(): void {}
  inspect() {
    return {};
  }
}

export const party = toyvirt.with({ devices: { cracker: use(Firecracker, {}) } }, 'party');
