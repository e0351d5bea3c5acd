/**
 * A secret in secret memory. JavaScript sees how long it is and can destroy it; other addons that know the tag of
 * `native/memory/secret_handle.h` can use it. Made by {@link Tpm.unseal}; its memory is wiped when the last user lets go.
 */
export interface SecretHandle {
  /** Zero once closed. */
  readonly byteLength: number;
  readonly closed: boolean;
  /** Gives up this reference now, rather than when garbage is collected. Repeatable. */
  close(): void;
}
