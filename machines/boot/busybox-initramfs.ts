/** A Linux userland in a few megabytes: BusyBox, an init script and, on demand, kernel modules, as an initramfs. */
import { type CpioEntry, cpio } from './cpio.ts';
import { switchRoot } from './switch-root.ts';

export interface KernelModule {
  /** With underscores, as `lsmod` prints it. */
  readonly name: string;
  readonly content: Uint8Array;
  /** Names of the modules that must be there first. */
  readonly dependencies: readonly string[];
}

export interface KernelModules {
  /** What `uname -r` says in the guest; modprobe looks below /lib/modules by that name. */
  readonly release: string;
  readonly modules: readonly KernelModule[];
  /** Loaded by init, in this order, each after its dependencies; the others wait for a modprobe. */
  readonly load: readonly string[];
}

export interface InitramfsOptions {
  readonly hostname?: string;
  readonly greeting?: string;
  readonly modules?: KernelModules;
  /** How large the console's terminal is: a serial line does not tell. */
  readonly terminal?: { readonly rows: number; readonly columns: number };
  /** The terminal's size is that of /dev/hvc0 (module `virtio_console`), whenever that changes. */
  readonly followsTerminal?: boolean;
  /** Run by init instead of an interactive shell; the machine is powered off when it ends. */
  readonly script?: string;
  /** Anything else that should be in the root file system. */
  readonly files?: readonly CpioEntry[];
}

export function busyboxInitramfs(busybox: Uint8Array, options: InitramfsOptions = {}): Uint8Array {
  const { modules, script, files = [] } = options;
  return cpio([
    { kind: 'file', path: 'init', content: initScript(options), mode: 0o755 },
    { kind: 'file', path: 'bin/busybox', content: busybox, mode: 0o755 },
    { kind: 'link', path: 'bin/sh', target: 'busybox' },
    ...['proc', 'sys', 'dev', 'etc', 'mnt', 'run'].map(path => ({ kind: 'directory', path }) as const),
    { kind: 'directory', path: 'tmp', mode: 0o1777 },
    { kind: 'directory', path: 'root', mode: 0o700 },
    { kind: 'link', path: 'sbin', target: 'bin' },
    { kind: 'device', path: 'dev/console', type: 'character', major: 5, minor: 1 },
    { kind: 'device', path: 'dev/null', type: 'character', major: 1, minor: 3, mode: 0o666 },
    { kind: 'file', path: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
    { kind: 'file', path: 'etc/group', content: 'root:x:0:\n' },
    { kind: 'file', path: 'etc/profile', content: profileScript },
    { kind: 'file', path: 'etc/acpi/PWRF/00000080', content: powerButtonScript, mode: 0o755 },
    ...(options.followsTerminal
      ? [{ kind: 'file', path: 'etc/follow-terminal', content: followScript, mode: 0o755 } as const]
      : []),
    ...(script === undefined ? [] : [{ kind: 'file', path: 'script', content: script, mode: 0o755 } as const]),
    ...(modules ? moduleFiles(modules) : []),
    ...files,
  ]);
}

/** Plain poweroff, halt and reboot only ask init, and our init is a script that waits for the shell. */
const profileScript = `export PS1='\\u@\\h:\\w\\$ '
alias poweroff='poweroff -f' halt='halt -f' reboot='reboot -f'
cd
`;

/** What acpid runs when the power button is pressed: nothing that was written to a disk is lost. */
const powerButtonScript = `#!/bin/sh
sync
umount -a -r 2>/dev/null
poweroff -f
`;

/** A serial line does not tell its terminal's size, a virtio console does: SIGWINCH comes to who has it as controlling terminal. */
const followScript = `#!/bin/sh
follow() {
  set -- $(stty size)
  stty -F /dev/ttyS0 rows $1 cols $2
}
trap follow WINCH
follow
while :; do
  sleep 100000 &
  wait $!
  kill $! 2>/dev/null
done
`;
const followTerminal = '[ -c /dev/hvc0 ] && setsid -c /etc/follow-terminal </dev/hvc0 >/dev/null 2>&1 &';

/** The button reaches the guest as an input device, where the modules `button` and `evdev` are loaded. A script may want to read it itself. */
const powerButton = '[ -c /dev/input/event0 ] && acpid -l /dev/null -p /run/acpid.pid';

/** Quotes for a POSIX shell. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const initScript = ({
  hostname = 'virt64',
  greeting,
  modules,
  terminal,
  followsTerminal = false,
  script,
}: InitramfsOptions): string =>
  [
    '#!/bin/busybox sh',
    'export PATH=/bin HOME=/root',
    'b=/bin/busybox',
    '$b mount -t proc proc /proc',
    '$b mount -t sysfs sysfs /sys',
    '$b mount -t devtmpfs devtmpfs /dev',
    '$b --install -s /bin',
    'mkdir -p /dev/pts /dev/shm',
    'mount -t devpts devpts /dev/pts',
    `hostname ${quote(hostname)}`,
    ...(modules?.load ?? []).map(name => `modprobe ${quote(name)}`),
    ...(terminal ? [`stty rows ${terminal.rows} cols ${terminal.columns}`] : []),
    ...(script === undefined
      ? [switchRoot, powerButton, ...(followsTerminal ? [followTerminal] : []), ...interactive(greeting)]
      : ['sh /script', 'echo "script ended with status $?"']),
    'poweroff -f',
    '',
  ].join('\n');

const interactive = (greeting = 'Welcome to virt64. The machine stops when this shell ends.'): string[] => [
  `echo ${quote(greeting)}`,
  'setsid cttyhack sh -l',
];

function moduleFiles({ release, modules }: KernelModules): CpioEntry[] {
  const folder = `lib/modules/${release}`;
  const byName = new Map(modules.map(module => [module.name, module]));
  const lines = modules.map(module => {
    const needed = closure(module, byName).map(({ name }) => `${name}.ko`);
    return [`${module.name}.ko:`, ...needed].join(' ');
  });
  return [
    ...modules.map(({ name, content }) => ({ kind: 'file', path: `${folder}/${name}.ko`, content }) as const),
    { kind: 'file', path: `${folder}/modules.dep`, content: `${lines.join('\n')}\n` },
  ];
}

/** All that a module needs, as modules.dep lists it: the direct dependencies first, the first to load last. */
function closure(module: KernelModule, byName: ReadonlyMap<string, KernelModule>): KernelModule[] {
  const found = new Set<KernelModule>();
  const visit = (name: string): void => {
    const dependency = byName.get(name);
    if (!dependency || dependency === module) return;
    found.delete(dependency);
    found.add(dependency);
    if (found.size <= byName.size) dependency.dependencies.forEach(visit);
  };
  module.dependencies.forEach(visit);
  return [...found];
}
