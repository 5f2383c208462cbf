/**
 * Error numbers that the modelled calls answer, by the names and values of Linux (include/uapi/asm-generic/errno*.h).
 */
const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  E2BIG: 7,
  EBADF: 9,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSPC: 28,
  ESPIPE: 29,
  ENXIO: 6,
  ERANGE: 34,
  EOVERFLOW: 75,
  EBADE: 52,
  EBADFD: 77,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ETIMEDOUT: 110,
} as const;

/** The name of an error number. */
export type Errno = keyof typeof ERRNO;

/** What a step of a call comes to: null when it is done, else why it is refused. */
export type Status = Errno | null;

/** What a system call returns: a number that is not negative, or why it failed. */
export type Returned = number | Errno;

/** An object, or why there is none. */
export type Made<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errno: Errno };

export const made = <T>(value: T): Made<T> => ({ ok: true, value });
export const refused = (errno: Errno): { readonly ok: false; readonly errno: Errno } => ({ ok: false, errno });
