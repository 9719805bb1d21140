/** Units of the soak: what one is told to do, and what it reports. Both travel between processes as JSON. */
import type { Configuration } from './configuration.ts';

export interface Place {
  readonly accelerator: string;
  readonly engine: 'interpreter' | 'jit';
}

interface Common {
  readonly number: number;
  readonly place: Place;
}

/** A boot of Linux under the virtual clock, moved or not: its log follows from the configuration alone. */
export interface BootUnit extends Common {
  readonly kind: 'boot' | 'moves';
  readonly configuration: Configuration;
  /** Where the machine goes in turn, `place` first; one alone is not left. */
  readonly places: readonly Place[];
  /** Guest time between moves, nanoseconds. */
  readonly gaps: readonly number[];
  /** The state travels as bytes. */
  readonly encoded: boolean;
  /** The disk is a file of the host. */
  readonly diskInFile: boolean;
}

/** Numbered records on a disk, flushed one by one, while the program is killed again and again. */
export interface RecordsUnit extends Common {
  readonly kind: 'records';
  readonly how: 'raw-fsync' | 'raw-direct' | 'ext4-fsync' | 'ext4-sync';
  readonly clock: 'virtual' | 'host';
  readonly processors: number;
  /** `volatile`: a disk with a cache that the kill loses, as a power failure would. */
  readonly program: 'file' | 'volatile' | 'command-line';
  /** 4 KiB each. */
  readonly pages: number;
  readonly tag: string;
  readonly ends: readonly RecordsEnd[];
}

export interface RecordsEnd {
  readonly signal: 'SIGKILL' | 'SIGTERM';
  /** Records after which the signal is due, and milliseconds after that. */
  readonly after: number;
  readonly delay: number;
}

/** Several processors in real time: their clocks agree. */
export interface ClockUnit extends Common {
  readonly kind: 'clock';
  readonly profile: 'pc' | 'microvm';
  readonly cpu: 'amd' | 'intel';
  readonly processors: number;
  readonly seconds: number;
}

/** Many small machines, built and disposed of. */
export interface ChurnUnit extends Common {
  readonly kind: 'churn';
  readonly machines: number;
}

export type Unit = BootUnit | RecordsUnit | ClockUnit | ChurnUnit;
export type Kind = Unit['kind'];

/** What must be the same whenever a configuration runs. */
export interface Trace {
  readonly configuration: string;
  readonly log: string;
  readonly end: string;
}

export interface Report {
  /** Empty: all is well. */
  readonly failures: readonly string[];
  readonly traces?: readonly Trace[];
  /** To be kept if it failed. */
  readonly log?: string;
  readonly counts?: Readonly<Record<string, number>>;
}

export const accelerators = ['software', 'nvmm-svm', 'nvmm-vmx'] as const;

export const placeName = ({ accelerator, engine }: Place): string => `${accelerator}/${engine}`;
