import test from 'ava';
import { RamGuestMemory } from '../../../core/board/memory/ram-guest-memory.ts';
import { writeAcpi } from '../../../machines/acpi/tables.ts';
import { busyboxInitramfs } from '../../../machines/boot/busybox-initramfs.ts';
import { loadLinux } from '../../../machines/boot/linux.ts';
import { legacyHole, memoryMap, RangeType } from '../../../machines/boot/memory-map.ts';
import { fetchedGuest } from '../../support/kernel.ts';
import { consoleOnQemu, qemuIsHere } from '../../support/qemu.ts';

const script = 'cat /proc/interrupts /proc/iomem; ls /sys/bus/acpi/devices\n';

const guest = fetchedGuest()!;
const qemuTest = guest && qemuIsHere() ? test.serial : test.serial.skip;

/** QEMU without firmware: whatever Linux knows about this machine, it knows from our zero page and our tables. */
const boots = test.macro(async (t, unpack: 'guest' | 'host') => {
  const bytes = new Uint8Array(256 << 20);
  const memory = new RamGuestMemory([{ base: 0, bytes }]);
  const acpi = writeAcpi(
    memory,
    {
      processors: [0],
      pci: { window: { base: 0xc000_0000, size: 0x3ec0_0000 }, interrupts: [16, 17, 18, 19] },
      serial: [{ port: 0x3f8, irq: 4 }],
      rtc: { port: 0x70, irq: 8 },
      ps2: { data: 0x60, command: 0x64, keyboardIrq: 1, mouseIrq: 12 },
      powerManagement: { port: 0x600, sci: 9, timerBits: 24, resetPort: 0xcf9 },
    },
    0x9_0000,
  );
  const reserved = { base: acpi.base, size: 0x2000, type: RangeType.Acpi };
  const loaded = loadLinux(memory, {
    kernel: guest.kernel,
    initrd: busyboxInitramfs(guest.busybox, { script }),
    // QEMU's timer is real: on a busy computer Linux counts too few of its interrupts and gives up.
    commandLine: 'console=ttyS0 no_timer_check',
    acpiRsdp: acpi.rsdp,
    occupied: [acpi],
    memoryMap: memoryMap(memory.regions, [reserved, ...legacyHole]),
    randomSeed: new Uint8Array(32).fill(7),
    unpack,
  });
  const text = await consoleOnQemu(bytes, loaded, 300);
  t.regex(text, /BIOS-e820: \[mem 0x0000000000090000-0x0000000000091fff\] ACPI data/);
  t.regex(text, /random: crng init done/);
  t.regex(text, /ACPI: 1 ACPI AML tables successfully acquired and loaded/);
  t.regex(text, /ACPI: PM: \(supports S0 S5\)/);
  t.regex(text, /ACPI: PM-Timer IO Port: 0x608/);
  t.regex(text, /PCI: Using ACPI for IRQ routing/);
  t.regex(text, /IO-APIC +2-edge +timer/);
  t.regex(text, /IO-APIC +9-fasteoi +acpi/);
  t.regex(text, /PNP0501:00/);
  t.regex(text, /script ended with status 0/);
  t.regex(text, /reboot: Power down/);
  t.notRegex(text, /ACPI (BIOS )?(Error|Warning)|Firmware Bug|sentinel/i);
});

qemuTest('boots Linux, which unpacks itself', boots, 'guest');
qemuTest('boots Linux, unpacked by us', boots, 'host');
