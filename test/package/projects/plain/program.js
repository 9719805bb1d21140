// A device, a guest that rings it three times, and a machine of both: plain JavaScript.
import { assemble, build, microvm, use } from 'virt64';
import { Device, Options, Ports, port } from 'virt64/devices';

class Bell extends Device {
  static device = 'bell';
  static options = { port: port().or(0x80) };
  static services = [Options, Ports];

  rings = 0;

  constructor(given, ports) {
    super();
    ports.claim(given.port, { name: 'bell', write: () => void this.rings++ });
  }

  reset() {
    this.rings = 0;
  }

  save() {
    return { version: 1, rings: this.rings };
  }

  restore(state) {
    this.rings = state.rings;
  }

  inspect() {
    return { rings: this.rings };
  }
}

const address = 0x10_0000;
const { bytes } = assemble(32, 'out 0x80, al\n out 0x80, al\n out 0x80, al\n mov al, 33\n out 0xf4, al', {
  origin: address,
});
const boot = { kind: 'raw', image: bytes, options: { address, mode: 'protected' } };
await using machine = await build(microvm.with({ boot, devices: { bell: use(Bell, {}) } }));
const outcome = await machine.run({ timeout: '1 s' });
console.log(outcome, machine.device('bell', Bell).rings);
