/** A PC as operating systems expect it: PCI with virtio, ACPI, and the old chips where they have always been. */
import { DebugConsole, Hpet, PciHost, Pic, Pit, Ps2Controller, Rtc, SystemPort, VirtioRng } from '#devices';
import { use } from '../profile.ts';
import { microvm } from './microvm.ts';

export const pc = microvm.with(
  {
    description: 'PCI, virtio, ACPI and the chips of a PC; boots stock Linux kernels',
    memory: '512 MiB',
    devices: {
      // Linux takes two timers for itself, and measures a third for a millisecond: in virtual time that is 400,000 accesses, a third of a boot.
      hpet: use(Hpet, { comparators: 2 }),
      pit: use(Pit, { irq: 'hpet@0' }),
      rtc: use(Rtc, { irq: 'hpet@8' }),
      ps2: use(Ps2Controller, {}),
      system: use(SystemPort, {}),
      debug: use(DebugConsole, { port: 0x402 }),
      pic: use(Pic, { level: [10, 11] }),
      pci: use(PciHost, {
        irqs: ['ioapic@16', 'ioapic@17', 'ioapic@18', 'ioapic@19'],
        legacyIrqs: ['pic@10', 'pic@11', 'pic@10', 'pic@11'],
      }),
      rng: use(VirtioRng, { slot: '00:02.0' }),
    },
    absent: {
      46: 'Super I/O',
      128: 'POST code, written for delays',
      960: 'VGA',
      980: 'VGA',
    },
  },
  'pc',
);
