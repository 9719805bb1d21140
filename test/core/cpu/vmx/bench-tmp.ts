import { Field } from '../../../../core/cpu/vmx/fields.ts';
import { Guest } from './hypervisor.ts';

const guest = new Guest().program('again: cpuid\n jmp again');
guest.run();
const { cpu, vmx, processor } = guest;
const time = (name: string, n: number, body: () => void) => {
  for (let i = 0; i < 20000; i++) body();
  const start = process.cpuUsage();
  for (let i = 0; i < n; i++) body();
  console.log(name, (u => ((u.user + u.system) * 1000) / n)(process.cpuUsage(start)).toFixed(0), 'ns');
};
time('vmread', 200000, () => {
  cpu.vmread(Field.exitReason);
});
time('vmwrite', 200000, () => {
  cpu.vmwrite(Field.guestRip, 0x8000, 0);
});
time('operation.read', 1000000, () => {
  vmx.operation.read(Field.exitReason);
});
time('operation.write', 1000000, () => {
  vmx.operation.write(Field.guestRip, 0x8000, 0);
});
time('vmresume (all)', 100000, () => {
  cpu.vmresume();
});
time('request', 100000, () => {
  vmx.world.request(true);
});
vmx.world.cancel();
time('request + enter + exit', 100000, () => {
  vmx.world.request(true);
  vmx.switchWorld();
  vmx.record.record(10);
  vmx.switchWorld();
});
time('run empty', 100000, () => {
  vmx.world.request(true);
  vmx.switchWorld();
  while (processor.state.guest !== 0) processor.run(1000);
});
