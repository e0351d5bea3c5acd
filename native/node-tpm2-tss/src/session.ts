import type { HashName } from './constants.js';

/** A handle, or a handle and the Name its entity must have: the TPM then refuses any other entity (in a session's HMAC). */
export type Handle = number | NamedHandle;

export interface NamedHandle {
  handle: number;
  /** Name: hash algorithm and digest (Part 1, 16). */
  name: Uint8Array;
}

export interface SessionOptions {
  sessionType: 'hmac' | 'policy' | 'trial';
  /**
   * The key to salt the session to: the salt reaches only the TPM that holds it. `name` pins it: it is compared with the Name computed
   * from the public area that is encrypted to, so take it from where you trust it (enrolment), not from this TPM.
   */
  tpmKey?: NamedHandle;
  /** An entity whose authValue enters the session key. */
  bind?: { entity: Handle; authValue: Uint8Array };
  /** Hash of the session, and of its policy digest. Default sha256. */
  authHash?: HashName;
  /**
   * Encrypt the first parameter (AES-128-CFB) in each direction, in every command that has one that may be. Default: true when
   * the session is salted or bound, else false. A session that is neither has only the authValue of what it authorizes to encrypt with:
   * a command for which that is empty too is refused (`ERR_OPTION_INVALID`).
   */
  parameterEncryption?: boolean;
}

/** A session of the TPM, with its keys kept natively in secret memory. Made by {@link Tpm.startAuthSession}. */
export class Session {
  readonly sessionType: SessionOptions['sessionType'];
  /** The TPM's handle, for information: commands take the Session itself. */
  readonly handle: number;
  /** @internal */
  readonly id: bigint;
  readonly #flush: () => Promise<void>;
  #flushed = false;

  /** @internal */
  constructor(sessionType: SessionOptions['sessionType'], id: bigint, handle: number, flush: () => Promise<void>) {
    this.sessionType = sessionType;
    this.id = id;
    this.handle = handle;
    this.#flush = flush;
  }

  /** TPM2_FlushContext, and wipes the keys. Repeatable; also when the TPM lost the session meanwhile. */
  async flush(): Promise<void> {
    if (this.#flushed) return;
    this.#flushed = true;
    await this.#flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }
}

/**
 * How the use of an entity is authorized: by a session; by a session that proves an authValue as well; or by a password, which
 * crosses the bus in clear.
 */
export type Authorization = Session | { session: Session; authValue: Uint8Array } | { password: Uint8Array };

/** The authorization area of a command. */
export interface CommandSessions {
  /** For the entities that need authorization, in the order of the command's handles. Default: the empty password. */
  auth?: Authorization | readonly Authorization[];
  /** A session that authorizes nothing and encrypts parameters (its `parameterEncryption` must be on). */
  encryption?: Session;
}
