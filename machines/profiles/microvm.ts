/** The smallest PC on which a stock Linux kernel boots: no firmware, no PCI, no legacy keyboard. */
import { AcpiPm, DebugExit, IoApic, IsaInterrupts, IsaSerial, LocalApic, Pic, Pit, PlatformMsrs, Rtc } from '#devices';
import { profile, use } from '../profile.ts';

export const microvm = profile('microvm', {
  description: 'serial port, timers and interrupt controllers: the least that Linux boots on',
  memory: '256 MiB',
  processors: 1,
  cpu: 'amd',
  clock: 'virtual',
  console: 'com1',
  acpi: true,
  tripleFault: 'reset',
  devices: {
    msrs: use(PlatformMsrs, {}),
    lapic: use(LocalApic, {}),
    ioapic: use(IoApic, {}),
    pic: use(Pic, {}),
    isa: use(IsaInterrupts, {}),
    pit: use(Pit, {}),
    rtc: use(Rtc, {}),
    com1: use(IsaSerial, { port: 0x3f8, irq: 'isa@4' }),
    power: use(AcpiPm, {}),
    exit: use(DebugExit, {}),
  },
  absent: {
    96: 'PS/2 data',
    100: 'PS/2 command',
    128: 'POST code, written for delays',
    3320: 'PCI configuration address',
  },
});
