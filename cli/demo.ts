/** virt64 demo: NVMM's own demo, here on both backends. Needs nothing from outside. */
import { build, toyvirt } from '#machines';
import { parseCommand } from './arguments.ts';
import { ExitCode } from './exit-code.ts';
import { commonOptions } from './options.ts';
import { bold, print } from './output.ts';

const backends = ['nvmm-svm', 'nvmm-vmx'];
const goodEnd = 'all well';
/** Guest time. The kernel needs some milliseconds. */
const timeout = '10 s';

const help = `Usage: virt64 demo

Runs machine toyvirt, whose small kernel tries ports, CPUID, MSRs, MMIO,
exceptions, paging and an interrupt, on nvmm-svm and then on nvmm-vmx. Exit
status 0 if the guest says "${goodEnd}" on both, else 1.`;

export async function demo(args: readonly string[]): Promise<number> {
  if (parseCommand('demo', args, commonOptions).help) {
    print(help);
    return ExitCode.ok;
  }
  let failures = 0;
  for (const accelerator of backends) {
    print(bold(`toyvirt on ${accelerator}`));
    const start = performance.now();
    await using machine = await build(toyvirt, { accelerator });
    const outcome = await machine.run({ timeout });
    const text = machine.serial.text.trimEnd();
    print(text.replaceAll(/^/gm, '  '));
    const isWell = outcome.kind === 'exit' && outcome.code === 0 && text.endsWith(goodEnd);
    if (!isWell) {
      failures++;
      print(`  FAILED: ${JSON.stringify(outcome)}`);
    }
    print(`  ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  }
  return failures === 0 ? ExitCode.ok : ExitCode.guestFailed;
}
