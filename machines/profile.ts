/**
 * A machine as data: memory, processors, devices by name, and what it boots. A variant is its parent and a difference. Nothing is
 * built here; `validate` looks for mistakes, `build` makes a machine.
 */
import type { CpuModel, Device, DeviceClass, GivenOptions, OptionSchema } from '#core';
import type { BootSource } from './boot-source.ts';

/** A device class with the options it is to have. */
export interface DeviceUse {
  readonly type: DeviceClass;
  readonly options: object;
}

export const use = <S extends OptionSchema, D extends Device>(
  type: DeviceClass<S, D>,
  options: NoInfer<GivenOptions<S>>,
): DeviceUse => ({
  type: type as unknown as DeviceClass,
  options,
});

export interface ProfileParts {
  readonly description: string;
  /** Bytes, or '512 MiB'. */
  readonly memory: number | string;
  readonly processors: number;
  /** The guest's processor, the same on every accelerator: a model, or a vendor's by name with differences: `amd`, `intel,+avx,+avx2`, `amd,-lzcnt`. */
  readonly cpu: string | CpuModel;
  /** `virtual`: time is what has been executed, every run is the same; `host`: real time. */
  readonly clock: 'virtual' | 'host';
  readonly devices: Readonly<Record<string, DeviceUse>>;
  /** The device that `machine.serial` is: an isa-serial or a debug-console. */
  readonly console: string;
  /** What firmware tells of the machine: ACPI tables for what the profile has, and SMBIOS. */
  readonly acpi: boolean;
  readonly boot?: BootSource;
  /**
   * What the command line does when a processor shuts down after a triple fault; the API returns the outcome in any case.
   * 'reset' (the default): as on a PC, where some kernels reboot that way. 'end': the run has failed.
   */
  readonly tripleFault?: 'reset' | 'end';
  /** Names of ports that guests look for and rightly do not find here. `virt64 machines --json` lists them. */
  readonly absent: Readonly<Record<number, string>>;
}

/** What a variant changes; devices are merged by name, and `undefined` takes one away. */
export type ProfileDifference = Partial<Omit<ProfileParts, 'devices'>> & {
  readonly devices?: Readonly<Record<string, DeviceUse | undefined>>;
};

export interface Profile extends ProfileParts {
  readonly name: string;
  with(difference: ProfileDifference, name?: string): Profile;
}

export function profile(name: string, parts: ProfileParts): Profile {
  return {
    ...parts,
    name,
    with({ devices = {}, ...others }, variant = name) {
      const merged = Object.entries({ ...parts.devices, ...devices }).filter(
        (entry): entry is [string, DeviceUse] => entry[1] !== undefined,
      );
      return profile(variant, { ...parts, ...others, devices: Object.fromEntries(merged) });
    },
  };
}
