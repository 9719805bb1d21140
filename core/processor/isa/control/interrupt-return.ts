/** IRETQ (SDM vol. 2): from CPL 0 to 64-bit code at CPL 0 or 3 in line; everything else, and every fault of its own, is the helper's. */
import { constant, type Value } from '../../ir/value.ts';
import { Segment, segmentAttributes, segmentLimit, segmentSelector } from '../../state/layout.ts';
import { Attribute, Flag, systemFlags } from '../../state/registers.ts';
import { flagsFromImage } from '../flags.ts';
import type { Tracer } from '../tracer.ts';
import { delicateFlags, enterPrivilege, privilege, type SegmentImage, segmentImage } from './privilege.ts';

/** What the image may have set here; RF is looked at by itself. */
const common = systemFlags & ~(delicateFlags | Flag.nt | Flag.vif | Flag.vip);
const rare = systemFlags & ~(common | Flag.rf);

const { accessed, conforming, dpl, long, big, present, segment, writable } = Attribute;
/** Not conforming, not 32 bits wide; its accessed bit is set already. */
const code64 = Attribute.code | accessed | long;
const codeKind = present | segment | dpl | code64 | conforming | big;
const data = writable | accessed;
const stackKind = present | segment | dpl | data | Attribute.code;

export function returnIn64(cpu: Tracer): void {
  const helper = (unusual: Value) => {
    cpu.callIf(unusual, 'iret', constant(32, 64));
    cpu.finish(unusual);
  };
  const before = cpu.state('flagSystem').read();
  helper(
    cpu
      .state('cpl')
      .read()
      .or(before.and(delicateFlags | Flag.nt))
      .or(cpu.state('eventPending').read())
      .or(cpu.state('nmiBlocked').read())
      .ne(0),
  );

  const target = cpu.stack(0, 64).read();
  const selector = cpu.stack(8, 64).read().and(0xffff);
  const image = cpu.stack(16, 64).read().truncate(32);
  const stackPointer = cpu.stack(24, 64).read();
  const stackSelector = cpu.stack(32, 64).read().and(0xffff);
  const user = selector.and(3).ne(0);
  const nullStack = stackSelector.and(0xfffc).eq(0);
  // RF is gone before the next instruction where no breakpoint asks for it, unless the run loop sees it before that.
  const resumes = image.bit(16).and(cpu.state('codeWatched').read().ne(0).or(cpu.state('budget').read().ltS(2)));
  helper(
    image
      .and(rare)
      .ne(0)
      .or(resumes)
      .or(target.sar(47).add(1).leU(1).eq(0))
      .or(isOutside(cpu, selector))
      .or(nullStack.select(user.or(stackSelector.ne(0)), isOutside(cpu, stackSelector)))
      .or(user.and(selector.and(3).ne(3).or(dropsSegments(cpu)))),
  );

  const code = readDescriptor(cpu, selector);
  // There is nothing to be read for a null selector; the code's descriptor can be read in any case.
  const stack = readDescriptor(cpu, nullStack.select(selector, stackSelector));
  const level = selector.and(3);
  helper(
    level
      .shl(5)
      .or(present | segment | code64)
      .ne(code.attributes.and(codeKind))
      .or(
        nullStack.eq(0).and(
          level
            .shl(5)
            .or(present | segment | data)
            .ne(stack.attributes.and(stackKind))
            .or(stackSelector.and(3).ne(level)),
        ),
      ),
  );

  const zero = constant(64, 0);
  const writtenStack: SegmentImage = {
    base: nullStack.select(zero, stack.image(stackSelector).base),
    rest: nullStack.select(zero, stack.image(stackSelector).rest),
  };
  const writtenCode = code.image(selector);
  const reached = privilege(cpu, user);
  cpu.state('flagSystem').write(image.and(common));
  enterPrivilege(cpu, reached, writtenCode, writtenStack);
  cpu.register(4, 64).write(stackPointer);
  cpu.setFlags(flagsFromImage(image));
  cpu.jump(target);
}

/** A null selector, one of the LDT, or one beyond the limit of the GDT. */
function isOutside(cpu: Tracer, selector: Value): Value {
  const limit = cpu.field(segmentLimit(Segment.gdtr).offset, 32).read();
  return selector
    .and(0xfffc)
    .eq(0)
    .or(selector.bit(2))
    .or(limit.ltU(selector.truncate(32).or(7)));
}

/** A data segment register holds what an outer level may not have. */
const dropsSegments = (cpu: Tracer): Value =>
  [Segment.es, Segment.ds, Segment.fs, Segment.gs]
    .map(register => {
      const attributes = cpu.field(segmentAttributes(register).offset, 16).read();
      const keeps = attributes.and(present | dpl).eq(present | dpl);
      const isNull = attributes
        .and(present)
        .eq(0)
        .and(cpu.field(segmentSelector(register).offset, 16).read().eq(0));
      return keeps.or(isNull).eq(0);
    })
    .reduce((some, drops) => some.or(drops));

interface DescriptorParts {
  readonly attributes: Value;
  image(selector: Value): SegmentImage;
}

/** A segment descriptor of the GDT (SDM vol. 3, section 3.4.5), in 64 bits. */
function readDescriptor(cpu: Tracer, selector: Value): DescriptorParts {
  const descriptor = cpu.memory(Segment.gdtr, selector.and(0xfff8), 64).read();
  const attributes = descriptor.shr(40).and(0xff).or(descriptor.shr(44).and(0xf00));
  const limit = descriptor.and(0xffff).or(descriptor.shr(32).and(0xf_0000));
  const bytes = attributes.and(Attribute.granular).ne(0).select(limit.shl(12).or(0xfff), limit);
  const base = descriptor.shr(16).and(0xff_ffff).or(descriptor.shr(32).and(0xff00_0000));
  return { attributes, image: register => segmentImage(base, bytes, register, attributes) };
}
