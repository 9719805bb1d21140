/** Changes of the privilege level within 64-bit code, for the common cases of SYSCALL, SYSRET and IRET. */
import { constant, type Value } from '../../ir/value.ts';
import { Segment, segmentOffset, state } from '../../state/layout.ts';
import { Flag } from '../../state/registers.ts';
import type { Tracer } from '../tracer.ts';

/** While one of these is set, each instruction may be followed by a trap, or translation knows more than two privileges. */
export const delicateFlags: number = Flag.tf | Flag.rf | Flag.vm | Flag.ac;

/** A segment register: limit, selector and attributes as they lie behind the base. */
export interface SegmentImage {
  readonly base: Value;
  readonly rest: Value;
}

/** From its parts, in 64 bits each. */
export const segmentImage = (base: Value, limit: Value, selector: Value, attributes: Value): SegmentImage => ({
  base,
  rest: limit.or(selector.shl(32)).or(attributes.shl(48)),
});

/** The flat segment that a fast system call loads. */
export const flatSegment = (selector: Value, attributes: number): SegmentImage =>
  segmentImage(constant(64, 0), constant(64, 0xffff_ffff), selector, constant(64, attributes));

export function writeSegment(cpu: Tracer, segment: number, { base, rest }: SegmentImage): void {
  cpu.field(segmentOffset(segment), 64).write(base);
  cpu.field(segmentOffset(segment) + 8, 64).write(rest);
}

/** What depends on the privilege level: CPL, the translation context, and what walks ask of page tables. */
export interface Privilege {
  readonly cpl: Value;
  readonly context: Value;
  readonly walk: Value;
}

/** To CPL 0 or, where `user` is 1, to CPL 3, with RFLAGS.AC clear. */
export function privilege(cpu: Tracer, user: Value): Privilege {
  const block = cpu.state('context').read().and(~3);
  const userContext = 2;
  return {
    cpl: user.select(constant(32, 3), constant(32, 0)),
    context: block.or(user.select(constant(32, userContext), constant(32, 0))),
    walk: user.select(cpu.state('walkUser').read(), cpu.state('walkSupervisor').read()),
  };
}

export function enterPrivilege(
  cpu: Tracer,
  { cpl, context, walk }: Privilege,
  code: SegmentImage,
  stack: SegmentImage,
) {
  writeSegment(cpu, Segment.cs, code);
  writeSegment(cpu, Segment.ss, stack);
  cpu.state('cpl').write(cpl);
  cpu.state('context').write(context);
  cpu.field(state.walkRead.offset, 32).write(walk);
}
