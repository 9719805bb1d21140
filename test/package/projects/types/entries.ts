// All entry points: their declarations are checked whole.
import * as virt64 from 'virt64';
import * as accelerators from 'virt64/accelerators';
import * as devices from 'virt64/devices';
import * as node from 'virt64/node';
import * as testing from 'virt64/testing';

export const entries = { virt64, accelerators, devices, node, testing };
