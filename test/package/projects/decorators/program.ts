// A device, a guest that rings it three times, and a machine of both: TypeScript with decorators.
import { assemble, type BootSource, build, microvm, type Outcome, use } from 'virt64';
import { Device, device, Options, type OptionsOf, Ports, port, restoreState, type SavedState } from 'virt64/devices';

@device('bell')
export class Bell extends Device {
  static readonly options = { port: port().or(0x80) };

  rings = 0;

  constructor(@Options given: OptionsOf<typeof Bell.options>, @Ports ports: Ports) {
    super();
    ports.claim(given.port, { name: 'bell', write: () => void this.rings++ });
  }

  reset(): void {
    this.rings = 0;
  }

  save(): SavedState {
    return { version: 1, rings: this.rings };
  }

  restore(state: SavedState): void {
    this.rings = restoreState({ rings: 0 }, state, 1).rings;
  }

  inspect() {
    return { rings: this.rings };
  }
}

const address = 0x10_0000;
const { bytes } = assemble(32, 'out 0x80, al\n out 0x80, al\n out 0x80, al\n mov al, 33\n out 0xf4, al', {
  origin: address,
});
const boot: BootSource = { kind: 'raw', image: bytes, options: { address, mode: 'protected' } };
await using machine = await build(microvm.with({ boot, devices: { bell: use(Bell, { port: 0x80 }) } }));
const outcome: Outcome = await machine.run({ timeout: '1 s' });
console.log(outcome, machine.device('bell', Bell).rings);
