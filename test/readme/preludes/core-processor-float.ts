export { SoftFloat } from '../../../core/processor/float/soft-float.ts';
