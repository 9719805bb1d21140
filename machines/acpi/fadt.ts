/** FADT, revision 6 (ACPI 6.4 §5.2.9): PM1 registers on ports, always in ACPI mode (no SMI command), or hardware-reduced. */
import type { AcpiOptions, AcpiPowerManagement } from './options.ts';
import { table } from './table.ts';

const size = 276;
const revision = 6;
const resetValue = 6;
const centuryIndex = 0x32;

const bootFlag = { legacyDevices: 1 << 0, keyboardController: 1 << 1, noVga: 1 << 2, noRtc: 1 << 5 } as const;
const flag = {
  wbinvd: 1 << 0,
  c1: 1 << 2,
  noFixedSleepButton: 1 << 5,
  noFixedRtcWake: 1 << 6,
  timer32: 1 << 8,
  resetRegister: 1 << 10,
  hardwareReduced: 1 << 20,
} as const;
/** Latencies this long say that there is no such state; zero would say that it costs nothing. */
const noC2 = 0xfff;
const noC3 = 0xffff;

export function fadt(
  { ps2, rtc, vga = false, powerManagement }: AcpiOptions,
  { facs, dsdt }: { readonly facs: number; readonly dsdt: number },
): Uint8Array {
  return table('FACP', revision, size, ({ view }) => {
    view.setUint32(0x24, facs, true);
    view.setUint32(0x28, dsdt, true);
    view.setUint16(0x60, noC2, true);
    view.setUint16(0x62, noC3, true);
    view.setUint8(0x6c, rtc ? centuryIndex : 0);
    view.setUint16(
      0x6d,
      bootFlag.legacyDevices |
        (ps2 ? bootFlag.keyboardController : 0) |
        (vga ? 0 : bootFlag.noVga) |
        (rtc ? 0 : bootFlag.noRtc),
      true,
    );
    view.setBigUint64(0x8c, BigInt(dsdt), true);
    const fixed = powerManagement ? fixedHardware(view, powerManagement) : flag.hardwareReduced;
    view.setUint32(0x70, flag.wbinvd | flag.c1 | flag.noFixedSleepButton | flag.noFixedRtcWake | fixed, true);
  });
}

/** Writes where the registers are; answers the flags that speak of them. */
function fixedHardware(view: DataView, { port, sci, timerBits, resetPort }: AcpiPowerManagement): number {
  const blocks = { event: port, control: port + 4, timer: port + 8 };
  view.setUint16(0x2e, sci, true);
  view.setUint32(0x38, blocks.event, true);
  view.setUint32(0x40, blocks.control, true);
  view.setUint32(0x4c, blocks.timer, true);
  view.setUint8(0x58, 4);
  view.setUint8(0x59, 2);
  view.setUint8(0x5b, 4);
  portAddress(view, 0x74, resetPort, 1);
  view.setUint8(0x80, resetValue);
  portAddress(view, 0x94, blocks.event, 4, 2);
  portAddress(view, 0xac, blocks.control, 2);
  portAddress(view, 0xd0, blocks.timer, 4);
  return flag.resetRegister | (timerBits === 32 ? flag.timer32 : 0);
}

/** Generic Address Structure (§5.2.3.2) of a register on a port; access sizes 1, 2 and 4 are coded 1, 2 and 3. */
function portAddress(view: DataView, at: number, port: number, bytes: number, access = bytes): void {
  const portSpace = 1;
  view.setUint8(at, portSpace);
  view.setUint8(at + 1, bytes * 8);
  view.setUint8(at + 3, access === 4 ? 3 : access);
  view.setBigUint64(at + 4, BigInt(port), true);
}
