/** libnvmm(3): the comm page's protocol, exits, events, address translation; on both backends. */
import test from 'ava';
import {
  type CpuidConf,
  Ctl,
  type CtlMachineInfo,
  EventType,
  ExitReason,
  Gpr,
  NvmmProt,
  Prot,
  StateFlag,
  VcpuConf,
} from '../../../accelerators/nvmm/abi.ts';
import { Errno } from '../../../accelerators/nvmm/errno.ts';
import { Libnvmm, NvmmMachine, NvmmVcpu } from '../../../accelerators/nvmm/libnvmm/libnvmm.ts';
import { counted, driverOn, hva, Toy, vendors } from './computer.ts';

test('every call fails on a library that is not initialised', t => {
  const lib = new Libnvmm(driverOn('amd'));
  t.is(lib.machineCreate(new NvmmMachine()), -1);
  t.is(lib.errno, Errno.EBADF);
  t.is(lib.init(), 0);
  t.is(lib.init(), 0, 'twice is once');
  t.is(lib.machineCreate(new NvmmMachine()), 0);
});

for (const vendor of vendors) {
  const name = vendor === 'amd' ? 'x86-svm' : 'x86-vmx';

  test(`${name}: a new VCPU is in its reset state`, t => {
    const lib = new Libnvmm(driverOn(vendor));
    lib.init();
    const mach = new NvmmMachine();
    const vcpu = new NvmmVcpu();
    lib.machineCreate(mach);
    t.is(lib.vcpuCreate(mach, 0, vcpu), 0);
    t.is(lib.vcpuGetState(mach, vcpu, StateFlag.all), 0);
    const { state } = vcpu;
    t.is(state.gpr(Gpr.rip), 0xfff0n);
    t.is(state.gpr(Gpr.rdx), 0x600n);
    t.is(state.gpr(Gpr.rflags), 2n);
    t.is(state.cr(0), 0x6000_0010n);
    t.is(state.cr(5), 1n);
    t.deepEqual(state.segment(1), { selector: 0xf000, attributes: 0x93, limit: 0xffff, base: 0xffff_0000n });
    t.is(state.dr(4), 0xffff_0ff0n);
    t.is(state.dr(5), 0x400n);
    t.is(state.msr(9), 0x0007_0406_0007_0406n);
    t.is(vcpu.comm.stop, false);
  });

  test(`${name}: an exit, its assist and the next entry are one call of the driver`, t => {
    const { driver, calls } = counted(driverOn(vendor));
    const toy = new Toy(driver, 'again: out 123, al\n inc eax\n mov [0xfee00020], eax\n jmp again');
    const { lib, mach, vcpu } = toy;
    lib.vcpuConfigure(mach, vcpu, VcpuConf.callbacks, { io() {}, mem() {} });
    for (let n = 0; n < 3; n++) {
      t.is(toy.run(), ExitReason.io);
      lib.assistIo(mach, vcpu);
      t.is(toy.run(), ExitReason.memory);
      lib.assistMem(mach, vcpu);
    }
    for (const call of Object.keys(calls)) delete calls[call];
    for (let n = 0; n < 10; n++) {
      toy.run();
      const isIo = vcpu.exit.reason === ExitReason.io;
      const provided = isIo ? StateFlag.gprs : StateFlag.gprs | StateFlag.segs | StateFlag.crs | StateFlag.msrs;
      t.is(lib.vcpuGetState(mach, vcpu, provided), 0);
      vcpu.state.setGpr(Gpr.rbx, 5n);
      lib.vcpuSetState(mach, vcpu, StateFlag.gprs);
      if (isIo) lib.assistIo(mach, vcpu);
      else lib.assistMem(mach, vcpu);
    }
    // Where host memory is, is no ioctl: a pointer in C.
    const { physicalOf: _, ...ioctls } = calls;
    t.deepEqual(ioctls, { vcpuRun: 10 });
    lib.vcpuGetState(mach, vcpu, StateFlag.drs);
    lib.vcpuGetState(mach, vcpu, StateFlag.drs | StateFlag.gprs);
    t.is(calls.vcpuGetState, 1, 'what is cached is not asked for again');
  });

  test(`${name}: a run makes everything stale`, t => {
    const toy = new Toy(driverOn(vendor), 'mov ebx, 7\n out 1, al\n mov dx, 1\n outsb');
    const { lib, mach, vcpu } = toy;
    lib.vcpuGetState(mach, vcpu, StateFlag.all);
    toy.run();
    t.is(vcpu.comm.cached, StateFlag.gprs, 'but what an I/O exit provides');
    t.is(vcpu.state.gpr(Gpr.rbx), 7n);
    t.is(vcpu.comm.commit, 0);
    lib.assistIo(mach, vcpu);
    toy.run();
    t.is(vcpu.comm.cached, 0x17, 'of a string too');
  });

  test(`${name}: two VCPUs on one CPU keep what stays in it apart`, t => {
    const driver = driverOn(vendor);
    const source = `again: paddd xmm0, xmm1
      mov eax, dr1
      add eax, 4
      mov dr1, eax
      mov ecx, 0xc0000081
      rdmsr
      inc eax
      wrmsr
      out 1, al
      jmp again`;
    const toys = [1, 2].map(first => {
      const toy = new Toy(driver, source);
      const { lib, mach, vcpu } = toy;
      lib.vcpuGetState(mach, vcpu, StateFlag.all);
      const { state } = vcpu;
      state.setCr(3, 0x600n);
      state.fpu[160] = 16 * first;
      state.fpu[176] = 1;
      state.setDr(1, BigInt(0x1000 * first));
      state.setMsr(1, BigInt(0x100 * first));
      lib.vcpuSetState(mach, vcpu, StateFlag.all);
      return toy;
    });
    for (let round = 1; round <= 3; round++)
      for (const toy of toys) {
        t.is(toy.run(), ExitReason.io);
        toy.lib.assistIo(toy.mach, toy.vcpu);
      }
    for (const [n, { lib, mach, vcpu }] of toys.entries()) {
      lib.vcpuGetState(mach, vcpu, StateFlag.all);
      t.is(vcpu.state.fpu[160], 16 * (n + 1) + 3);
      t.is(vcpu.state.dr(1), BigInt(0x1000 * (n + 1) + 12));
      t.is(vcpu.state.msr(1), BigInt(0x100 * (n + 1) + 3));
    }
  });

  test(`${name}: a stopped VCPU returns before it enters, once`, t => {
    const toy = new Toy(driverOn(vendor), 'inc eax\n out 1, al');
    toy.lib.vcpuStop(toy.vcpu);
    t.is(toy.run(), ExitReason.stopped);
    toy.lib.vcpuGetState(toy.mach, toy.vcpu, StateFlag.gprs);
    t.is(toy.vcpu.state.gpr(Gpr.rax), 0n);
    t.is(toy.run(), ExitReason.io);
  });

  test(`${name}: events that cannot be are EINVAL at run`, t => {
    const toy = new Toy(driverOn(vendor), 'out 1, al');
    const { lib, mach, vcpu } = toy;
    for (const [type, vector] of [
      [EventType.exception, 0],
      [EventType.exception, 2],
      [EventType.exception, 3],
      [EventType.exception, 32],
      [7, 13],
    ] as const) {
      vcpu.event.type = type;
      vcpu.event.vector = vector;
      vcpu.event.error = 0;
      t.is(lib.vcpuInject(mach, vcpu), 0);
      t.is(lib.vcpuRun(mach, vcpu), -1);
      t.is(lib.errno, Errno.EINVAL);
    }
    t.is(toy.run(), ExitReason.io);
  });

  test(`${name}: interrupts wait for their window`, t => {
    const toy = new Toy(driverOn(vendor), 'nop\n nop\n sti\n nop\n out 1, al');
    const { lib, mach, vcpu } = toy;
    lib.vcpuGetState(mach, vcpu, StateFlag.intr);
    vcpu.state.intr = 2;
    lib.vcpuSetState(mach, vcpu, StateFlag.intr);
    t.is(toy.run(), ExitReason.interruptReady);
    t.false(vcpu.exit.state.interruptWindow, 'cleared by itself');
    lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
    t.is(vcpu.state.gpr(Gpr.rip), 0x1004n, 'after the shadow of STI');
    t.is(toy.run(), ExitReason.io);
  });

  test(`${name}: HLT, RDMSR, WRMSR, CPUID and a triple fault are the emulator's`, t => {
    const toy = new Toy(
      driverOn(vendor),
      'hlt\n mov ecx, 0x1b\n rdmsr\n mov eax, 5\n mov edx, 6\n wrmsr\n mov eax, 0x40000000\n cpuid\n mov esi, ebx\n mov eax, 1\n cpuid\n mov eax, 7\n cpuid\n ud2',
    );
    const { lib, mach, vcpu } = toy;
    const { exit, state } = vcpu;
    const conf = (configuration: CpuidConf) => lib.vcpuConfigure(mach, vcpu, VcpuConf.cpuid, configuration);
    conf({
      mask: true,
      exit: false,
      leaf: 1,
      set: { eax: 0, ebx: 0, ecx: 0, edx: 1 << 30 },
      del: { eax: -1, ebx: 0, ecx: 0, edx: 1 },
    });
    conf({ mask: false, exit: true, leaf: 7 });
    t.is(toy.run(), ExitReason.halted);
    lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
    t.is(state.gpr(Gpr.rip), 0x1001n, 'RIP is past it');
    const advance = () => {
      lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
      state.setGprPair(Gpr.rip, exit.npcLow, exit.npcHigh);
      lib.vcpuSetState(mach, vcpu, StateFlag.gprs);
    };
    t.is(toy.run(), ExitReason.rdmsr);
    t.is(exit.msr, 0x1b);
    advance();
    t.is(toy.run(), ExitReason.wrmsr);
    t.deepEqual([exit.valueLow, exit.valueHigh], [5, 6]);
    advance();
    t.is(toy.run(), ExitReason.cpuid, 'leaf 7');
    lib.vcpuGetState(mach, vcpu, StateFlag.gprs);
    t.is(state.gpr(Gpr.rsi), 0x205f_5f5fn, '"___ " of NVMM');
    advance();
    t.is(toy.run(), ExitReason.shutdown, '#UD without an IDT');
  });

  test(`${name}: CPUID masks set and clear bits`, t => {
    const toy = new Toy(driverOn(vendor), 'mov eax, 1\n cpuid\n out 1, al');
    const { lib, mach, vcpu } = toy;
    lib.vcpuConfigure(mach, vcpu, VcpuConf.cpuid, {
      mask: true,
      exit: false,
      leaf: 1,
      set: { eax: 0x55, ebx: 0, ecx: 0, edx: 0 },
      del: { eax: -1 & ~0x55, ebx: -1, ecx: 0, edx: -1 },
    });
    t.is(toy.run(), ExitReason.io);
    t.is(vcpu.state.gpr(Gpr.rax) & 0x55n, 0x55n);
    t.is(vcpu.state.gpr(Gpr.rbx), 0n);
    t.is(vcpu.state.gpr(Gpr.rdx), 0n);
    t.is(vcpu.state.gpr(Gpr.rcx) >> 31n, 1n, 'the hypervisor bit');
  });

  test(`${name}: MEMORY exits say what was wanted`, t => {
    const toy = new Toy(driverOn(vendor), 'mov eax, [0x200010]\n mov [0x300020], al\n jmp 0x400000');
    const { lib, mach, vcpu } = toy;
    lib.vcpuConfigure(mach, vcpu, VcpuConf.callbacks, { mem() {} });
    const expected = [
      [Prot.read, 0x20_0010],
      [Prot.write, 0x30_0020],
      [Prot.execute, 0x40_0000],
    ] as const;
    for (const [prot, gpa] of expected) {
      t.is(toy.run(), ExitReason.memory);
      t.is(vcpu.exit.prot, prot);
      t.is(vcpu.exit.gpa, gpa);
      if (prot !== Prot.execute) {
        t.is(vcpu.exit.instLen > 0, vendor === 'amd', 'instruction bytes are a decode assist of AMD');
        t.is(lib.assistMem(mach, vcpu), 0);
      }
    }
    t.is(lib.assistIo(mach, vcpu), -1);
    t.is(lib.errno, Errno.EINVAL, 'the wrong assist');
  });

  test(`${name}: ctl tells about a machine, dump about a VCPU`, t => {
    const { lib, mach, vcpu } = new Toy(driverOn(vendor), 'hlt');
    const info: CtlMachineInfo = { machid: mach.machid };
    t.is(lib.ctl(Ctl.machineInfo, info), 0);
    t.deepEqual(info, { machid: mach.machid, vcpus: 1, ram: 0x10_0000, pid: 4711, time: 0 });
    t.is(lib.ctl(1, info), -1);
    t.is(lib.errno, Errno.EINVAL);
    t.is(lib.ctl(Ctl.machineInfo, { machid: 5 }), -1);
    t.is(lib.errno, Errno.ENOENT);
    const text = lib.vcpuDump(mach, vcpu);
    t.regex(text, /^rip +0000000000001000$/m);
    t.regex(text, /^cs +\w{4} base=0{16} limit=ffffffff attrib=/m);
    t.regex(text, /^pat +0007040600070406$/m);
  });

  test(`${name}: a VCPU that is no more leaves nobody else's memory behind`, t => {
    const driver = driverOn(vendor);
    const { lib, mach, vcpu } = new Toy(driver, 'hlt');
    const { free4k } = driver.host.memory;
    t.is(lib.vcpuDestroy(mach, vcpu), 0);
    t.true(driver.host.memory.free4k > free4k);
    const other = new NvmmVcpu();
    t.is(lib.vcpuCreate(mach, 1, other), 0);
    vcpu.state.setGpr(Gpr.rax, 5n);
    lib.vcpuSetState(mach, vcpu, StateFlag.gprs);
    lib.vcpuGetState(mach, other, StateFlag.gprs);
    t.is(other.state.gpr(Gpr.rax), 0n);
    t.is(other.comm.commit, 0);
    t.is(lib.vcpuRun(mach, vcpu), -1);
    t.is(lib.errno, Errno.ENOENT);
    t.is(lib.machineDestroy(mach), 0);
    other.state.setGpr(Gpr.rax, 5n);
    t.is(lib.vcpuRun(mach, other), -1);
  });

  test(`${name}: a refused event and a stop leave nothing cached`, t => {
    const { lib, mach, vcpu } = new Toy(driverOn(vendor), 'hlt');
    lib.vcpuGetState(mach, vcpu, StateFlag.all);
    vcpu.event.type = EventType.exception;
    vcpu.event.vector = 32;
    lib.vcpuInject(mach, vcpu);
    t.is(lib.vcpuRun(mach, vcpu), -1);
    t.is(lib.errno, Errno.EINVAL);
    t.is(vcpu.comm.cached, 0);
    lib.vcpuGetState(mach, vcpu, StateFlag.all);
    lib.vcpuStop(vcpu);
    t.is(lib.vcpuRun(mach, vcpu), 0);
    t.is(vcpu.exit.reason, ExitReason.stopped);
    t.is(vcpu.comm.cached, 0);
  });

  test(`${name}: gpa_to_hva, gpa_map and gpa_unmap keep areas`, t => {
    const { lib, mach } = new Toy(driverOn(vendor), 'hlt');
    const into = { hva: 0, prot: 0 };
    t.is(lib.gpaToHva(mach, 0x1234, into), 0);
    t.deepEqual(into, { hva: hva + 0x1234, prot: 7 });
    t.is(lib.gpaToHva(mach, 0x10_0000, into), -1);
    t.is(lib.errno, Errno.ENOENT);
    t.is(lib.gpaMap(mach, hva, 0xf_f000, 0x1000, 7), -1);
    t.is(lib.errno, Errno.EINVAL, 'overlaps');
    t.is(lib.gpaMap(mach, hva, 0x20_0000, 0x1000, Prot.read), 0);
    t.is(lib.gpaUnmap(mach, hva, 0x20_0000, 0x2000), -1);
    t.is(lib.gpaUnmap(mach, hva, 0x20_0000, 0x1000), 0);
    t.is(lib.gpaToHva(mach, 0x20_0000, into), -1);
  });

  test(`${name}: gva_to_gpa walks two, three and four levels`, t => {
    const { lib, mach, vcpu, memory } = new Toy(driverOn(vendor), 'hlt');
    const view = new DataView(memory.buffer, memory.byteOffset);
    const put = (at: number, low: number, high = 0) => {
      view.setUint32(at, low, true);
      view.setUint32(at + 4, high, true);
    };
    const walk = { gpa: 0, prot: 0 };
    const to = (gva: bigint): readonly [number, number] | number =>
      lib.gvaToGpa(mach, vcpu, gva, walk) ? lib.errno : [walk.gpa, walk.prot];
    const mode = (cr4: bigint, efer: bigint, paging = true) => {
      lib.vcpuGetState(mach, vcpu, StateFlag.crs | StateFlag.msrs);
      vcpu.state.setCr(0, paging ? 0x8000_0011n : 0x11n);
      vcpu.state.setCr(2, 0n);
      vcpu.state.setCr(3 - 1, 0x2_0000n);
      vcpu.state.setCr(3, cr4);
      vcpu.state.setMsr(0, efer);
      lib.vcpuSetState(mach, vcpu, StateFlag.crs | StateFlag.msrs);
    };
    const all = NvmmProt.all;
    mode(0n, 0n, false);
    t.deepEqual(to(0x1234_5678n), [0x1234_5678, all]);

    put(0x2_0000, 0x2_1007, 0x40_0083);
    put(0x2_1000, 0x3_0005);
    mode(0x10n, 0n);
    t.deepEqual(to(0x123n), [0x3_0123, all & ~NvmmProt.write]);
    t.is(to(0x1000n), Errno.EFAULT);
    t.deepEqual(to(0x41_2345n), [0x41_2345, all & ~NvmmProt.user]);
    put(0x2_0000, 0x2_1007, 0x2_1083);
    mode(0n, 0n);
    t.deepEqual(to(0x40_0123n), [0x3_0123, all & ~(NvmmProt.write | NvmmProt.user)], 'without PSE no page is large');

    put(0x2_0000, 0x2_1001);
    put(0x2_1000, 0x2_2007);
    put(0x2_1008, 0x60_0087, 0x8000_0000);
    put(0x2_2000, 0x7_7007);
    mode(0x20n, 0n);
    t.deepEqual(to(0xabcn), [0x7_7abc, all]);
    t.deepEqual(to(0x21_2345n), [0x61_2345, all & ~NvmmProt.execute]);

    put(0x2_0000, 0x2_1007);
    put(0x2_0ff8, 0x2_1007);
    put(0x2_1000, 0x2_2007);
    put(0x2_1008, 0x4000_0087);
    put(0x2_2000, 0x2_3007);
    put(0x2_3000, 0x5_5003);
    mode(0x20n, 0x500n);
    t.deepEqual(to(0xfffn), [0x5_5fff, all & ~NvmmProt.user]);
    t.deepEqual(to(0x4123_4567n), [0x4123_4567, all], '1 GiB');
    t.deepEqual(to(0xffff_ff80_0000_0008n), [0x5_5008, all & ~NvmmProt.user]);
    t.is(to(0x8000_0000_0000n), Errno.EFAULT, 'not canonical');
    t.is(to(0x1000n), Errno.EFAULT);
    mode(0n, 0x500n);
    t.is(to(0n), Errno.EFAULT, 'long mode without PAE');
  });
}
