/** A program of its own for the guest that writes records: its console is stdout. Meant to be killed. Arguments: task as JSON. */
import { VirtioBlock } from '#devices';
import { build, pc, use } from '#machines';
import { FileDisk } from '../../../cli/host/file-disk.ts';
import { bootSource } from '../guest/boot-source.ts';
import type { Place, RecordsUnit } from '../unit.ts';
import { VolatileDisk } from './volatile-disk.ts';

export interface WriterTask extends Pick<RecordsUnit, 'clock' | 'processors' | 'program'> {
  readonly place: Place;
  readonly image: string;
  readonly script: string;
}

const { clock, processors, program, place, image, script } = JSON.parse(process.argv[2]) as WriterTask;
const file = await FileDisk.open(image);
const disk = program === 'volatile' ? new VolatileDisk(file) : file;
const boot = await bootSource({ script, disk: true, clock });
const devices = { disk: use(VirtioBlock, { slot: '00:05.0', disk }) };
await using machine = await build(pc.with({ memory: '128 MiB', clock, processors, devices, boot }), place);
machine.serial.events.on('output', bytes => process.stdout.write(bytes));
const { kind } = await machine.run();
await file.close();
process.exitCode = kind === 'powerOff' ? 0 : 3;
