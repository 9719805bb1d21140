/**
 * Options of QEMU and xhyve that virt64 does not have, and what somebody who gives one is told. One row per option; names that are
 * answered alike share it. Those that virt64 has by the same name are not here.
 */

const drive = 'give --drive FILE: a raw image as a virtio disk, the first is /dev/vda in the guest';
const serialConsole = "leave it out: the guest's serial console is always this terminal";
const display = "there is no display: the guest's serial console is this terminal";
const network = 'there is no network: bring files in by a disk (--drive) or an initrd';
const firmware =
  'there is no firmware: virt64 loads the kernel itself (--kernel), and --append root=/dev/vda names the disk to start from';
const state = 'the command line saves no states; a program can, by machine.save() and restore()';
const monitor = 'there is no monitor: Ctrl-A x quits, Ctrl-A h helps';
const fixed =
  'the machine has its devices from its profile: virt64 machines lists them, --drive adds disks, --plugin brings others';
const tables = 'virt64 makes these tables itself, from the machine profile';
const shared = 'there are no shared folders: bring files in by a disk (--drive) or an initrd';
const log = 'there is no such log; what the guest says on its console goes to stdout';
const usb = 'there is no USB: disks come by --drive, the keyboard is this terminal';
const sound = 'there is no sound';
const foreground =
  'virt64 stays in the foreground; a shell runs it in the background: virt64 run … < /dev/null > log &';
const hosting = 'virt64 leaves this to the system: start it from a shell, a container or a service';
const memory = 'memory has no kinds: --mem SIZE says how much there is';
const nothing = 'leave it out: it changes nothing here';

const rows: readonly (readonly [names: string, answer: string])[] = [
  // Disks.
  ['hda hdb hdc hdd blockdev mtdblock', drive],
  ['cdrom', 'give --drive FILE,ro: the image as a virtio disk that is only read, the first is /dev/vda in the guest'],
  ['fda fdb', `there is no floppy disk; ${drive}`],
  ['sd', `there is no card reader; ${drive}`],
  ['pflash bios L boot option-rom', firmware],
  ['snapshot', 'give --drive FILE,ro, or a copy of the image: virt64 writes to the file itself'],
  ['iscsi', drive],
  // Processors and speed.
  [
    'enable-kvm accel-kvm no-kvm',
    'leave it out: virt64 emulates the processor; --accel chooses nvmm-svm, nvmm-vmx or software',
  ],
  [
    'enable-hax enable-whpx xen-attach xen-domid xen-domid-restrict',
    'there is no such accelerator: virt64 accels lists those that are',
  ],
  ['icount', 'give --clock virtual: time is what was executed, and runs repeat'],
  ['rtc', "give --clock host for the host's date (the default), --clock virtual for a fixed one"],
  ['seed', 'give --clock virtual: then the randomness is the same in each run'],
  ['singlestep one-insn-per-tb', 'give --engine interpreter: it executes one instruction after another'],
  ['numa', 'there is one memory node; --smp N and --mem SIZE say how big the machine is'],
  ['c cpus', 'give --smp N'],
  ['mem-path mem-prealloc overcommit', memory],
  // The console.
  ['nographic serial', serialConsole],
  ['display vga vnc spice sdl gtk curses full-screen g alt-grab ctrl-grab no-quit rotate portrait', display],
  ['k', 'there is no keyboard layout: the guest gets what the terminal sends'],
  ['echr', 'the escape key is Ctrl-A: Ctrl-A h tells what it does'],
  ['monitor mon qmp qmp-pretty', monitor],
  ['chardev parallel', `there is one serial port; ${serialConsole}`],
  ['debugcon', fixed],
  ['audio audiodev audio-help soundhw', sound],
  // Devices.
  ['net netdev nic', network],
  ['device global set nodefaults readconfig watchdog watchdog-action tpmdev l', fixed],
  ['usb usbdevice', usb],
  ['virtfs fsdev', shared],
  ['object add-fd', "there are no such objects: virtio-rng has the host's randomness, --drive opens files"],
  ['dtb', 'there is no device tree: machine pc describes itself by ACPI'],
  ['fw_cfg fw', 'there is no fw_cfg; --append and --initrd bring things to the guest'],
  ['acpitable smbios uuid U', tables],
  ['no-acpi', 'give --append acpi=off'],
  ['no-hpet', 'give --append hpet=disable'],
  ['A x H P W u w no-fd-bootchk win2k-hack enable-sync-profile no-user-config compat', nothing],
  // Looking inside.
  ['s', 'give --gdb 1234'],
  ['S', 'give --gdb 1234 --gdb-wait'],
  ['d D dfilter msg', log],
  ['loadvm incoming only-migratable dump-vmstate preconfig', state],
  ['action', 'give --no-reboot to end when the guest resets'],
  ['no-shutdown', 'there is nothing left to look at after a power-off; --json tells how the run ended'],
  // The process.
  ['daemonize', foreground],
  ['name', 'machines have no names'],
  ['pidfile F runas chroot sandbox async-teardown', hosting],
  // xhyve's.
  ['f', 'give --kernel FILE --initrd FILE --append TEXT'],
];

/** What to do instead, in one line, by the option's name without dashes. */
export const foreignOptions: ReadonlyMap<string, string> = new Map(
  rows.flatMap(([names, answer]) => names.split(' ').map(name => [name, answer] as const)),
);
