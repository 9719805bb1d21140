/** All workloads whose speed is measured, in the order of the table. */
import type { Workload } from './workload.ts';
import { avx2 } from './workloads/avx2.ts';
import { call } from './workloads/call.ts';
import { float } from './workloads/float.ts';
import { integer } from './workloads/integer.ts';
import { memory, scatter } from './workloads/memory.ts';
import { pageFault } from './workloads/page-fault.ts';
import { strings } from './workloads/strings.ts';
import { systemCall } from './workloads/system-call.ts';
import { x87 } from './workloads/x87.ts';

export const workloads: readonly Workload[] = [
  integer,
  memory,
  scatter,
  call,
  strings,
  float,
  avx2,
  x87,
  systemCall,
  pageFault,
];
