/** Every way a user of virt64 can go wrong. What a guest does wrong is modelled and never ends here. */
export const errorCodes = {
  'bad-option': 'an option has the wrong type, is out of range, unknown or missing',
  'bad-profile': 'a machine profile contradicts itself',
  'bad-state': 'a saved state does not belong to this device, or is damaged',
  'bad-kernel': 'a kernel image cannot be booted',
  'bad-initrd': 'an initial ramdisk cannot be used',
  'bad-command-line': 'a kernel command line cannot be used',
  'bad-elf': 'an ELF file cannot be loaded',
  'bad-image': 'a raw image, a disk or a firmware file cannot be used',
  'bad-device': 'a device class has a mistake: it cannot be built, or throws while the machine runs',
  'bad-observer': 'an observer has a mistake: it throws',
  'bad-plugin': 'a plugin exports nothing usable',
  'bad-argument': 'a command line or API argument is wrong',
  'bad-call': 'an operation is not possible in the present state',
  'does-not-fit': 'something is larger than the memory it must go into',
  overlap: 'two components claim the same ports, addresses, registers or slot',
  'dangling-wire': 'an interrupt wire leads nowhere',
  'missing-service': 'a component needs a service that the machine does not have',
  'unknown-component': 'no component has this name',
  'accelerator-unavailable': 'an accelerator cannot run here',
  'guest-unavailable': 'a guest image cannot be obtained',
  'file-not-found': 'a file cannot be opened',
  'host-failure': 'the host refused an operation',
  unsupported: 'this is not implemented',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** What the user can do about it, as an instruction. */
  readonly remedy?: string;
  /** Where in the profile or the command line: `devices.com1.port`. */
  readonly path?: string;
  readonly cause?: unknown;
}

/** The one error class that users of the library catch. */
export class MachineError extends Error {
  override readonly name = 'MachineError';
  readonly remedy: string | undefined;
  readonly path: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    { remedy, path, cause }: ErrorDetails = {},
  ) {
    const text = [path && `${path}:`, message, remedy && `(${remedy})`].filter(Boolean).join(' ');
    super(text, cause === undefined ? undefined : { cause });
    this.remedy = remedy;
    this.path = path;
  }
}
