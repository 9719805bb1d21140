/** DSDT: the devices that cannot be found by asking them (ACPI 6.4 §5.2.11.1, chapters 6 and 9). */
import {
  type Aml,
  concatenate,
  device,
  eisaId,
  method,
  name,
  reference,
  returns,
  scope,
  storesArgument,
  when,
} from './aml.ts';
import type { AcpiHpet, AcpiOptions, AcpiPci, AcpiPs2, AcpiRtc, AcpiSerial } from './options.ts';
import { busNumbers, currentResources, fixedMemory, irq, memoryWindow, ports, portWindow } from './resources.ts';
import { headerSize, table } from './table.ts';

const softOff = 5;

/** What the system says it routes interrupts by: 0 for the 8259s, 1 for I/O APICs (§5.8.1). */
const routing = 'PICM';

export function dsdt({ processors, pci, serial = [], rtc, ps2, hpet, powerManagement }: AcpiOptions): Uint8Array {
  const aml = concatenate(
    ...(powerManagement ? [name('_S5', [softOff, softOff, 0, 0])] : []),
    name(routing, 0),
    method('_PIC', 1, storesArgument(routing)),
    scope(
      '_SB',
      ...processors.map((_, uid) => processor(uid)),
      ...(pci ? [hostBridge(pci)] : []),
      ...serial.map(serialPort),
      ...(rtc ? [realTimeClock(rtc)] : []),
      ...(ps2 ? [keyboard(ps2), mouse(ps2)] : []),
      ...(hpet === undefined ? [] : [highPrecisionTimer(hpet)]),
    ),
  );
  return table('DSDT', 2, headerSize + aml.length, ({ bytes }) => bytes.set(aml, headerSize));
}

const hardwareId = (text: string): Aml => name('_HID', eisaId(text));

const processor = (uid: number): Aml =>
  device(`C${uid.toString(16).toUpperCase().padStart(3, '0')}`, name('_HID', 'ACPI0007'), name('_UID', uid));

const slots = 32;
const pins = 4;
const configurationPorts = { base: 0xcf8, size: 8 };
const slotAddress = (slot: number): number => slot * 0x1_0000 + 0xffff;

/** A routing table (§6.2.13): to fixed inputs, without link devices. */
const routes = (interrupts: readonly number[]): number[][] =>
  Array.from({ length: slots * pins }, (_, index) => {
    const slot = Math.floor(index / pins);
    const pin = index % pins;
    return [slotAddress(slot), pin, 0, interrupts[(slot + pin) % pins]];
  });

const routingTable = ({ interrupts, legacyInterrupts }: AcpiPci): Aml[] =>
  legacyInterrupts
    ? [
        name('APIR', routes(interrupts)),
        name('PICR', routes(legacyInterrupts)),
        method('_PRT', 0, when(reference(routing), returns(reference('APIR'))), returns(reference('PICR'))),
      ]
    : [name('_PRT', routes(interrupts))];

function hostBridge(pci: AcpiPci): Aml {
  const { window, highWindow, ecam } = pci;
  return device(
    'PCI0',
    hardwareId(ecam === undefined ? 'PNP0A03' : 'PNP0A08'),
    ...(ecam === undefined ? [] : [name('_CID', eisaId('PNP0A03'))]),
    name('_UID', 0),
    name('_BBN', 0),
    currentResources(
      busNumbers({ base: 0, size: 256 }),
      ports(configurationPorts),
      portWindow({ base: 0, size: 0xcf8 }),
      portWindow({ base: 0xd00, size: 0xf300 }),
      memoryWindow({ base: 0xa_0000, size: 0x2_0000 }),
      memoryWindow(window),
      ...(highWindow ? [memoryWindow(highWindow)] : []),
    ),
    ...routingTable(pci),
  );
}

const serialPort = ({ port, irq: line }: AcpiSerial, index: number): Aml =>
  device(
    `COM${index + 1}`,
    hardwareId('PNP0501'),
    name('_UID', index + 1),
    currentResources(ports({ base: port, size: 8 }), irq(line)),
  );

const realTimeClock = ({ port, irq: line }: AcpiRtc): Aml =>
  device('RTC', hardwareId('PNP0B00'), currentResources(ports({ base: port, size: 2 }), irq(line)));

const keyboard = ({ data, command, keyboardIrq }: AcpiPs2): Aml =>
  device(
    'KBD',
    hardwareId('PNP0303'),
    currentResources(ports({ base: data, size: 1 }), ports({ base: command, size: 1 }), irq(keyboardIrq)),
  );

const mouse = ({ mouseIrq }: AcpiPs2): Aml => device('MOU', hardwareId('PNP0F13'), currentResources(irq(mouseIrq)));

const highPrecisionTimer = ({ base }: AcpiHpet): Aml =>
  device('HPET', hardwareId('PNP0103'), name('_UID', 0), currentResources(fixedMemory({ base, size: 0x400 })));
