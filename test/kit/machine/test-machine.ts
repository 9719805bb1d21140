/** A machine for the test of a device, in a line. */
import { DebugConsole, DebugExit, IoApic, IsaInterrupts, LocalApic, PciHost, Pic } from '#devices';
import {
  type BootMode,
  type BuildOptions,
  build,
  type DeviceUse,
  type Machine,
  type Profile,
  profile,
  use,
} from '#machines';
import { bootCode, exitPort, printPort } from './guests.ts';

/** As little as devices and guests need: RAM, interrupt controllers and slots to be connected to, a console, and a way to end. */
export const bare: Profile = profile('bare', {
  description: 'RAM, interrupt controllers, a PCI host, a debug console and a debug exit',
  memory: '2 MiB',
  processors: 1,
  cpu: 'amd',
  clock: 'virtual',
  console: 'console',
  acpi: false,
  tripleFault: 'end',
  devices: {
    lapic: use(LocalApic, {}),
    ioapic: use(IoApic, {}),
    pic: use(Pic, {}),
    isa: use(IsaInterrupts, {}),
    pci: use(PciHost, {}),
    console: use(DebugConsole, { port: printPort }),
    exit: use(DebugExit, { port: exitPort, code: 'plain' }),
  },
  absent: {},
});

export interface TestMachineOptions extends BuildOptions {
  /** Instructions, or machine code. It lies at `codeAddress`. */
  readonly code: string | Uint8Array;
  /** The mode in which it begins. Default: protected. */
  readonly mode?: BootMode;
  readonly devices?: Readonly<Record<string, DeviceUse>>;
  /** What the machine has besides. Default: `bare`. */
  readonly profile?: Profile;
}

/** A machine with these devices and this guest. It runs on `software`, where nothing else is asked for. */
export const testMachine = ({
  code,
  mode = 'protected',
  devices = {},
  profile: base = bare,
  ...options
}: TestMachineOptions): Promise<Machine> =>
  build(base.with({ devices, boot: bootCode(code, mode) }), { accelerator: 'software', ...options });
