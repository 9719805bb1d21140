/** nvmm.c: limits, ownership, lifecycle, errors; on both backends. */
import test from 'ava';
import { type Capability, ExitReason, Gpr, Prot, StateFlag, VcpuConf } from '../../../accelerators/nvmm/abi.ts';
import { NvmmDriver, type Owner } from '../../../accelerators/nvmm/driver/driver.ts';
import { Errno } from '../../../accelerators/nvmm/errno.ts';
import { NvmmVcpu } from '../../../accelerators/nvmm/libnvmm/libnvmm.ts';
import { amd, createHost } from '../../../core/index.ts';
import { backends, driverOn, Toy, vendors } from './computer.ts';

const all = Prot.read | Prot.write | Prot.execute;
const open = (driver: NvmmDriver, pid = 1, writeOnly = false): Owner =>
  driver.open({ pid, closeOnExec: true, writeOnly }) as Owner;
const machine = (driver: NvmmDriver, owner: Owner): number => {
  const created = { machid: -1 };
  if (driver.machineCreate(owner, created)) throw new Error('machineCreate');
  return created.machid;
};

test('a computer without SVM or VMX has no driver', t => {
  t.is(NvmmDriver.load(createHost({ model: amd({}), memory: 0x40_0000 }), backends), undefined);
});

for (const vendor of vendors) {
  const name = vendor === 'amd' ? 'x86-svm' : 'x86-vmx';

  test(`${name}: is what the CPU asks for, and says what it can`, t => {
    const driver = driverOn(vendor);
    t.is(driver.backend.name, name);
    const capability = {} as Capability;
    t.is(driver.capability(capability), 0);
    t.like(capability, { version: 2, stateSize: 1008, maxMachines: 128, maxVcpus: 256, maxRam: 128 * 2 ** 30 });
    t.like(capability.arch, { machConfSupport: 0, confCpuidMaxops: 32, mxcsrMask: 0xffff });
  });

  test(`${name}: 128 machines, the lowest free id first`, t => {
    const driver = driverOn(vendor);
    const owner = open(driver);
    for (let n = 0; n < 128; n++) t.is(machine(driver, owner), n);
    t.is(driver.machineCreate(owner, { machid: -1 }), Errno.ENOBUFS);
    t.is(driver.machineDestroy(owner, 7), 0);
    t.is(driver.machineDestroy(owner, 3), 0);
    t.is(machine(driver, owner), 3);
    t.is(driver.machineDestroy(owner, 128), Errno.EINVAL);
    t.is(driver.machineDestroy(owner, 7), Errno.ENOENT);
    t.is(driver.unload(), Errno.EBUSY);
    t.is(driver.close(owner), 0);
    t.is(driver.unload(), 0);
  });

  test(`${name}: 256 VCPUs, with ids of the caller's choice`, t => {
    const driver = driverOn(vendor);
    const owner = open(driver);
    const id = machine(driver, owner);
    for (let cpuid = 255; cpuid >= 0; cpuid--) t.is(driver.vcpuCreate(owner, id, cpuid), 0);
    t.is(driver.vcpuCreate(owner, id, 256), Errno.EINVAL);
    t.is(driver.vcpuCreate(owner, id, 120), Errno.EBUSY);
    t.is(driver.vcpuDestroy(owner, id, 120), 0);
    t.is(driver.vcpuDestroy(owner, id, 120), Errno.ENOENT);
    t.is(driver.vcpuGetState(owner, id, 120), Errno.ENOENT);
    t.is(driver.vcpuCreate(owner, id, 120), 0);
  });

  test(`${name}: machines belong to who opened the device, and end with it`, t => {
    const driver = driverOn(vendor);
    const free = driver.host.memory.free4k;
    t.is(driver.open({ pid: 1, closeOnExec: false }), Errno.EINVAL);
    const owner = open(driver, 10);
    const other = open(driver, 11);
    const root = open(driver, 0, true);
    const id = machine(driver, owner);
    driver.vcpuCreate(owner, id, 0);
    driver.hvaMap(owner, id, 0x1000_0000, 0x10_0000);
    t.is(driver.vcpuCreate(other, id, 1), Errno.EPERM);
    t.is(driver.machineDestroy(other, id), Errno.EPERM);
    t.is(driver.hvaMap(other, id, 0x3000_0000, 0x1000), Errno.EPERM);
    t.deepEqual(driver.machineInfo(root, id), { vcpus: 1, ram: 0x10_0000, pid: 10, time: 0 });
    t.is(driver.close(owner), 0);
    t.is(driver.close(owner), Errno.EBADF);
    t.is(driver.machineInfo(root, id), Errno.ENOENT);
    t.is(driver.host.memory.free4k, free, 'all pages are back');
    const again = machine(driver, other);
    t.is(driver.machineDestroy(root, again), 0, 'the root owner may');
  });

  test(`${name}: host mappings`, t => {
    const driver = driverOn(vendor);
    const owner = open(driver);
    const id = machine(driver, owner);
    const map = (hva: number, size: number) => driver.hvaMap(owner, id, hva, size);
    for (const [hva, size] of [
      [0, 0x1000],
      [0x1001, 0x1000],
      [0x1000, 0x1001],
      [0x1000, 0],
      [0x1000, -0x1000],
    ] as const)
      t.is(map(hva, size), Errno.EINVAL);
    t.is(map(0x10_0000, 0x4000), 0);
    t.is(map(0x10_1000, 0x1000), 0, 'inside an existing one');
    t.is(map(0xf_f000, 0x2000), Errno.EEXIST);
    t.is(map(0x10_3000, 0x2000), Errno.EEXIST);
    for (let n = 1; n < 32; n++) t.is(map(0x100_0000 * n, 0x1000), 0);
    t.is(map(0x8000_0000, 0x1000), Errno.ENOBUFS);
    t.is(driver.hvaUnmap(owner, id, 0x10_0000, 0x2000), Errno.ENOENT);
    t.is(driver.hvaUnmap(owner, id, 0x10_0000, 0x4000), 0);
    t.is(map(0x8000_0000, 0x1000), 0);
  });

  test(`${name}: memory that there is not is ENOMEM`, t => {
    const driver = driverOn(vendor, 0x10_0000);
    const owner = open(driver);
    const id = machine(driver, owner);
    t.is(driver.hvaMap(owner, id, 0x10_0000, 0x100_0000), Errno.ENOMEM);
    t.is(driver.hvaMap(owner, id, 0x10_0000, 0x1000), 0);
    let error = 0;
    for (let cpuid = 0; cpuid < 256 && error === 0; cpuid++) error = driver.vcpuCreate(owner, id, cpuid);
    t.is(error, Errno.ENOMEM);
    t.is(driver.machineCreate(owner, { machid: -1 }), Errno.ENOMEM);
    t.is(driver.machineDestroy(owner, id), 0);
    machine(driver, owner);
  });

  test(`${name}: without memory for nested page tables an entry is ENOMEM, and goes on once there is some`, t => {
    const driver = driverOn(vendor, 0x20_0000);
    const owner = open(driver);
    const [id, other] = [machine(driver, owner), machine(driver, owner)];
    t.is(driver.vcpuCreate(owner, id, 0), 0);
    t.is(driver.hvaMap(owner, id, 0x10_0000, 0x1000), 0);
    t.is(driver.gpaMap(owner, id, 0x10_0000, 0xffff_f000, 0x1000, all), 0);
    const { memory } = driver.host;
    // HLT at the reset vector.
    memory.bytes[memory.offset(driver.physicalOf(owner, id, 0x10_0000, 0x1000)) + 0xff0] = 0xf4;
    t.is(driver.hvaMap(owner, other, 0x10_0000, (memory.free4k - 2) * 0x1000), 0);
    const { exit } = new NvmmVcpu();
    t.is(driver.vcpuRun(owner, id, 0, exit), Errno.ENOMEM);
    t.is(driver.machineDestroy(owner, other), 0);
    t.is(driver.vcpuRun(owner, id, 0, exit), 0);
    t.is(exit.reason, ExitReason.halted);
  });

  test(`${name}: what a guest reaches is what is mapped now, by large pages too`, t => {
    const driver = driverOn(vendor);
    const toy = new Toy(driver, 'again: mov eax, [ebx]\n out 1, al\n jmp again');
    const { lib, mach, vcpu } = toy;
    const root = open(driver, 0, true);
    const [block, megabyte] = [0x4000_0000, 0x10_0000];
    t.is(driver.hvaMap(root, mach.machid, block, 4 * megabyte), 0);
    const bytes = lib.hvaBytes(mach, block, 4 * megabyte)!;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, megabyte);
    for (let at = 0; at < megabyte; at += 1024) words[at] = at * 4;
    /** What is there, or undefined. */
    const look = (address: number): number | undefined => {
      lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
      vcpu.state.setGpr(Gpr.rip, 0x1000n);
      vcpu.state.setGpr(Gpr.rbx, BigInt(address));
      lib.vcpuSetState(mach, vcpu, StateFlag.gprs);
      const reason = toy.run();
      lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
      return reason === ExitReason.io ? vcpu.state.gprLow(Gpr.rax) : undefined;
    };
    const map = (offset: number, gpa: number, size: number) =>
      driver.gpaMap(root, mach.machid, block + offset, gpa, size, all);
    t.is(map(0, 4 * megabyte, 4 * megabyte), 0);
    t.is(look(5 * megabyte), megabyte);
    t.is(look(7 * megabyte + 0x3000), 3 * megabyte + 0x3000);
    t.is(driver.gpaUnmap(root, mach.machid, 4 * megabyte, 4 * megabyte), 0);
    t.is(look(5 * megabyte), undefined);
    t.is(look(7 * megabyte + 0x3000), undefined);

    t.is(map(megabyte, 5 * megabyte, 3 * megabyte), 0);
    t.is(look(5 * megabyte), megabyte);
    t.is(look(4 * megabyte), undefined, 'before the mapping');
    t.is(look(6 * megabyte), 2 * megabyte);
    t.is(driver.gpaUnmap(root, mach.machid, 6 * megabyte + 0x2000, 0x1000), 0);
    t.is(look(6 * megabyte + 0x1000), 2 * megabyte + 0x1000);
    t.is(look(6 * megabyte + 0x2000), undefined, 'out of the middle');
    t.is(look(6 * megabyte + 0x3000), 2 * megabyte + 0x3000);
    t.is(driver.hvaUnmap(root, mach.machid, block, 4 * megabyte), 0);
    t.is(look(6 * megabyte + 0x3000), undefined);
    t.is(look(5 * megabyte), undefined);
  });

  test(`${name}: guest-physical mappings`, t => {
    const driver = driverOn(vendor);
    const owner = open(driver);
    const id = machine(driver, owner);
    driver.hvaMap(owner, id, 0x10_0000, 0x8000);
    const map = (hva: number, gpa: number, size: number, prot: number = all) =>
      driver.gpaMap(owner, id, hva, gpa, size, prot);
    const top = 128 * 2 ** 30;
    t.is(map(0x10_0000, 0, 0x1000), 0);
    t.is(map(0x10_0000, 0x5000, 0x1000, Prot.read), 0, 'aliases');
    t.is(map(0x10_0000, top - 0x1000, 0x1000), 0, 'the last page');
    for (const [hva, gpa, size, prot] of [
      [0x10_0000, 0, 0x1000, 8],
      [0, 0, 0x1000, all],
      [0x10_0800, 0, 0x1000, all],
      [0x10_0000, 0x800, 0x1000, all],
      [0x10_0000, 0, 0x800, all],
      [0x10_0000, 0, 0, all],
      [0x10_0000, top, 0x1000, all],
      [0x10_0000, top - 0x1000, 0x2000, all],
      [0x10_7000, 0, 0x2000, all],
      [0x20_0000, 0, 0x1000, all],
    ] as const) {
      t.is(map(hva, gpa, size, prot), Errno.EINVAL, `${hva} ${gpa} ${size} ${prot}`);
    }
    t.is(driver.gpaUnmap(owner, id, top - 0x1000, 0x1000), 0, 'what was mapped can be taken away');
    t.is(driver.gpaUnmap(owner, id, top - 0x1000, 0x2000), Errno.EINVAL);
    t.is(driver.gpaUnmap(owner, id, 0, 0x1000), 0);
  });

  test(`${name}: configuration`, t => {
    const driver = driverOn(vendor);
    const owner = open(driver);
    const id = machine(driver, owner);
    driver.vcpuCreate(owner, id, 0);
    t.is(driver.machineConfigure(owner, id, 100, {}), Errno.EINVAL);
    t.is(driver.vcpuConfigure(owner, id, 0, 199, {}), Errno.EINVAL);
    const cpuid = (conf: object) =>
      driver.vcpuConfigure(owner, id, 0, VcpuConf.cpuid, { mask: false, exit: false, leaf: 0, ...conf });
    const registers = { eax: 1, ebx: 0, ecx: 0, edx: 0 };
    t.is(cpuid({ mask: true, exit: true }), Errno.EINVAL);
    t.is(cpuid({ mask: true, set: registers, del: { ...registers, eax: 3 } }), Errno.EINVAL);
    t.is(cpuid({ mask: true, set: registers, del: { ...registers, eax: 2 } }), 0);
    for (let leaf = 1; leaf < 32; leaf++) t.is(cpuid({ exit: true, leaf }), 0);
    t.is(cpuid({ exit: true, leaf: 99 }), Errno.ENOBUFS);
    t.is(cpuid({ mask: true, leaf: 5, set: registers }), 0, 'the same leaf replaces');
    t.is(cpuid({ leaf: 5 }), 0, 'neither: back to the default');
    t.is(cpuid({ exit: true, leaf: 99 }), 0);
  });
}
