/** NetBSD's errno values, as far as NVMM answers with them (errno(2)). */
export const Errno = {
  OK: 0,
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EBADF: 9,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  EINVAL: 22,
  ENOBUFS: 55,
  ENOTSUP: 86,
  EPROGMISMATCH: 75,
} as const;
export type Errno = (typeof Errno)[keyof typeof Errno];
