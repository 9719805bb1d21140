/** The command line, by QEMU's option names where QEMU has them. */
import { parseArgs } from 'node:util';
import { MachineError } from '#core';

export const runOptions = {
  machine: { type: 'string', short: 'M' },
  accel: { type: 'string' },
  engine: { type: 'string' },
  cpu: { type: 'string' },
  smp: { type: 'string' },
  mem: { type: 'string', short: 'm' },
  kernel: { type: 'string' },
  initrd: { type: 'string' },
  append: { type: 'string' },
  drive: { type: 'string', multiple: true },
  plugin: { type: 'string', multiple: true },
  clock: { type: 'string' },
  timeout: { type: 'string' },
  'no-reboot': { type: 'boolean' },
  refresh: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export type RunArguments = ReturnType<typeof parseRun>;

export function parseRun(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: runOptions, allowPositionals: true, strict: true });
    if (positionals.length > 0) throw new Error(`unexpected argument "${positionals[0]}"`);
    return values;
  } catch (error) {
    throw new MachineError('bad-argument', (error as Error).message.split('\n')[0]!, { remedy: 'see virt64 run --help' });
  }
}

export const runHelp = `Usage: virt64 run [options]

Runs a virtual machine; its console is this terminal. Without --kernel it boots Debian's kernel, fetched
through apt into a cache, to a BusyBox shell; machine toyvirt brings its own kernel.

  -M, --machine NAME    machine profile (virt64 machines lists them)                  [pc]
      --accel NAME      nvmm-svm, nvmm-vmx or software (virt64 accels)                [nvmm-svm]
      --engine NAME     interpreter or jit                                            [interpreter]
      --cpu NAME        the guest's processor: amd or intel                           [amd]
      --smp N           processors                                                    [1]
  -m, --mem SIZE        memory: 512M, 1G                                              [512M]
      --kernel FILE     bzImage or ELF
      --initrd FILE     initial ramdisk
      --append TEXT     kernel command line (added to console=ttyS0)
      --drive FILE[,ro] raw disk image, as a virtio disk; may be repeated
      --plugin FILE     load devices and profiles from a file or package; may be repeated
      --clock KIND      host (real time) or virtual (time is what was executed; runs repeat) [host]
      --timeout TIME    end after this much guest time: 30s, 500ms
      --no-reboot       end when the guest resets
      --refresh         fetch the default guest again
  -q, --quiet           say nothing but what the guest says
      --json            print the outcome as JSON on stderr's last line
  -h, --help            this text

Keys: Ctrl-A x quits, Ctrl-A h helps, Ctrl-A Ctrl-A sends Ctrl-A. Everything else, Ctrl-C too, goes to the guest.
`;
