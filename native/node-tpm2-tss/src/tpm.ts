import { TpmCommands } from './commands.js';
import { hashAlgorithms, TPM_CAP, TPM_PT, TPM_RH } from './constants.js';
import { TpmError, typedError, UsageError } from './errors.js';
import { type PcrBankSelection, pcrSelection, readPcrSelection } from './marshal.js';
import { type NativeContext, type NativeRequest, native } from './native.js';
import { type CommandSessions, type Handle, type NamedHandle, Session, type SessionOptions } from './session.js';
import type { EkTemplate } from './templates.js';
import { ekTemplate, ekTemplateIds } from './templates.js';
import type { CreatedPrimary } from './types.js';

const sessionTypes = { hmac: 0x00, policy: 0x01, trial: 0x03 };

export interface OpenOptions {
  /** TCTI loader configuration: `device:/dev/tpmrm0`, `swtpm:path=/run/tpm.sock`, `swtpm:host=localhost,port=2321`, `mssim:...`. */
  tcti: string;
  /** How long one command may take before the TPM counts as gone. Default 300 s: key generation is slow on chips. */
  commandTimeoutMs?: number;
  /** How long to repeat a command that the TPM answers with RETRY, YIELDED or TESTING. Default 5 s. */
  retryTimeoutMs?: number;
}

export interface PcrValue {
  hash: PcrBankSelection['hash'];
  pcr: number;
  digest: Buffer;
}

export interface EkCertificate {
  template: EkTemplate;
  /** DER, without the padding that some makers leave in the index. */
  certificate: Buffer;
}

/**
 * A connection to one TPM. Commands have the names, parameters and results of TPM 2.0 Part 3 in camelCase ({@link TpmCommands}).
 * They run one at a time, in the order of the calls, on a thread of their own.
 *
 * Structures cross as marshalled TCG bytes; a TPM2B crosses as what is in it, without its size: `inPublic` is a TPMT_PUBLIC, `quoted` a
 * TPMS_ATTEST. After a broken connection the next command connects again. Objects and sessions that a failed
 * command may have left in the TPM are flushed before the next command; what is left at close() is flushed then.
 */
export class Tpm extends TpmCommands {
  readonly #native: NativeContext;

  private constructor(context: NativeContext) {
    super();
    this.#native = context;
  }

  /** @throws TpmError `ERR_TPM_UNAVAILABLE` | MemoryError */
  static async open(options: OpenOptions): Promise<Tpm> {
    const { tcti, commandTimeoutMs = 300_000, retryTimeoutMs = 5_000 } = options;
    if (typeof tcti !== 'string' || tcti === '') {
      throw new UsageError('ERR_OPTION_INVALID', 'tcti must be a TCTI configuration such as device:/dev/tpmrm0');
    }
    return new Tpm(await typed(native().open({ tcti, commandTimeoutMs, retryTimeoutMs })));
  }

  /** Flushes what this context loaded and disconnects. Repeatable; does not fail because the TPM is away. */
  async close(): Promise<void> {
    await typed(this.#native.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  protected override async execute<R>(request: NativeRequest): Promise<R> {
    return (await typed(this.#native.execute(request))) as R;
  }

  // Sessions

  async startAuthSession(options: SessionOptions): Promise<Session> {
    const { sessionType, tpmKey, bind, authHash = 'sha256' } = options;
    const { session, sessionHandle } = await typed(
      this.#native.startSession({
        sessionType: sessionTypes[sessionType],
        authHash: hashAlgorithms[authHash],
        parameterEncryption: options.parameterEncryption ?? (tpmKey !== undefined || bind !== undefined),
        ...(tpmKey ? { tpmKey } : {}),
        ...(bind
          ? {
              bind: typeof bind.entity === 'number' ? { handle: bind.entity } : bind.entity,
              bindAuthValue: bind.authValue,
            }
          : {}),
      }),
    );
    return new Session(sessionType, session, sessionHandle, () => typed(this.#native.flushSession(session)));
  }

  /** An HMAC session: to prove authValues, or only to encrypt parameters. */
  startHmacSession(options: Omit<SessionOptions, 'sessionType'> = {}): Promise<Session> {
    return this.startAuthSession({ ...options, sessionType: 'hmac' });
  }

  startPolicySession(options: Omit<SessionOptions, 'sessionType'> = {}): Promise<Session> {
    return this.startAuthSession({ ...options, sessionType: 'policy' });
  }

  /** A policy session that computes a digest and checks nothing. */
  startTrialSession(options: Pick<SessionOptions, 'authHash'> = {}): Promise<Session> {
    return this.startAuthSession({ ...options, sessionType: 'trial' });
  }

  /** Runs `body` with a session that is flushed afterwards, whatever happens. */
  async withSession<R>(options: SessionOptions, body: (session: Session) => Promise<R>): Promise<R> {
    const session = await this.startAuthSession(options);
    try {
      return await body(session);
    } finally {
      await session.flush();
    }
  }

  /** Runs `body` with an object that is flushed afterwards, whatever happens. */
  async withObject<O extends NamedHandle, R>(loading: Promise<O>, body: (object: O) => Promise<R>): Promise<R> {
    const object = await loading;
    try {
      return await body(object);
    } finally {
      await this.flushObject(object);
    }
  }

  /**
   * TPM2_FlushContext of an object that this context loaded. Quiet when it is gone already; when the TPM is away, it is flushed before
   * the next command.
   */
  async flushObject({ handle, name }: NamedHandle): Promise<void> {
    await typed(this.#native.flushObject({ handle, name }));
  }

  // Endorsement keys

  createEk(template: EkTemplate, sessions?: CommandSessions): Promise<CreatedPrimary> {
    const parameters = { primaryHandle: TPM_RH.ENDORSEMENT, inPublic: template.publicArea };
    return this.createPrimary(parameters, sessions);
  }

  /**
   * A policy session that satisfies the policy of an EK made by `template`: PolicySecret of the endorsement hierarchy, and PolicyOR where
   * the template has PolicyB. `endorsement` authorizes the hierarchy.
   */
  async startEkPolicySession(
    template: EkTemplate,
    options: Omit<SessionOptions, 'sessionType' | 'authHash'> & { endorsement?: CommandSessions } = {},
  ): Promise<Session> {
    const { endorsement, ...rest } = options;
    const policySession = await this.startPolicySession({ ...rest, authHash: template.nameAlg });
    try {
      await this.policySecret({ authHandle: TPM_RH.ENDORSEMENT, policySession }, endorsement);
      if (template.policyBranches.length > 1) {
        await this.policyOR({ policySession, pHashList: template.policyBranches });
      }
      return policySession;
    } catch (error) {
      await policySession.flush();
      throw error;
    }
  }

  /** The EK certificates that the chip carries, best template first. Does not check them in any way. */
  async readEkCertificates(): Promise<EkCertificate[]> {
    const indices = new Set(await this.getHandles(0x01c00000));
    const found: EkCertificate[] = [];
    for (const id of ekTemplateIds) {
      const template = ekTemplate(id);
      if (!indices.has(template.certificateIndex)) continue;
      found.push({ template, certificate: trimDer(await this.nvReadAll({ nvIndex: template.certificateIndex })) });
    }
    return found;
  }

  // What takes more than one command

  /** Every handle of one type, from `first` (a `TPM_HT`) on. */
  async getHandles(first: number): Promise<number[]> {
    const handles: number[] = [];
    for (let property = first >>> 0; ; ) {
      const answer = await this.getCapability({ capability: TPM_CAP.HANDLES, property, propertyCount: 64 });
      // TPMS_CAPABILITY_DATA: capability, count, handles.
      const list = answer.capabilityData;
      for (let at = 8; at + 4 <= list.length; at += 4) handles.push(list.readUInt32BE(at));
      if (!answer.moreData || list.length <= 8) return handles;
      property = (handles.at(-1) as number) + 1;
    }
  }

  /** One `TPM_PT` property; undefined when the TPM does not have it. */
  async getProperty(property: number): Promise<number | undefined> {
    const answer = await this.getCapability({ capability: TPM_CAP.TPM_PROPERTIES, property, propertyCount: 1 });
    // TPMS_CAPABILITY_DATA: capability, count, then property and value.
    const list = answer.capabilityData;
    return list.length >= 16 && list.readUInt32BE(8) === property ? list.readUInt32BE(12) : undefined;
  }

  /**
   * Every PCR of a selection, in as many TPM2_PCR_Read as it takes; not atomic (a quote is).
   * @throws TpmError `ERR_TPM_RESPONSE` when the TPM does not have a bank or a PCR.
   */
  async readPcrs(banks: readonly PcrBankSelection[]): Promise<PcrValue[]> {
    const values: PcrValue[] = [];
    for (const { hash, pcrs } of banks) {
      const wanted = new Set(pcrs);
      while (wanted.size > 0) {
        const answer = await this.pcrRead({ pcrSelectionIn: pcrSelection([{ hash, pcrs: [...wanted] }]) });
        const got = readPcrSelection(answer.pcrSelectionOut).find((bank) => bank.hash === hash)?.pcrs ?? [];
        const usable =
          got.length === answer.pcrValues.length && got.length > 0 && got.every((pcr) => wanted.delete(pcr));
        if (!usable) {
          const message = `the TPM does not have PCRs ${[...wanted].join(', ')} of bank ${hash}`;
          throw new TpmError('ERR_TPM_RESPONSE', message, { fields: { command: 'TPM2_PCR_Read', layer: 'context' } });
        }
        got.forEach((pcr, i) => {
          values.push({ hash, pcr, digest: answer.pcrValues[i] as Buffer });
        });
      }
    }
    return values;
  }

  /** The whole content of an NV index, in as many TPM2_NV_Read as it takes. */
  async nvReadAll(p: { authHandle?: Handle; nvIndex: number }, sessions?: CommandSessions): Promise<Buffer> {
    const { nvPublic } = await this.nvReadPublic({ nvIndex: p.nvIndex });
    // dataSize is the last field of TPMS_NV_PUBLIC.
    const dataSize = nvPublic.readUInt16BE(nvPublic.length - 2);
    const chunk = Math.min((await this.getProperty(TPM_PT.NV_BUFFER_MAX)) ?? 512, 1024);
    const parts: Buffer[] = [];
    for (let offset = 0; offset < dataSize; offset += chunk) {
      parts.push(await this.nvRead({ ...p, size: Math.min(chunk, dataSize - offset), offset }, sessions));
    }
    return Buffer.concat(parts);
  }
}

/** A DER SEQUENCE without what follows it; the bytes as they are when they do not start with one. */
function trimDer(bytes: Buffer): Buffer {
  if (bytes.length < 4 || bytes[0] !== 0x30 || bytes[1] !== 0x82) return bytes;
  return bytes.subarray(0, Math.min(bytes.length, 4 + bytes.readUInt16BE(2)));
}

async function typed<R>(promise: Promise<R>): Promise<R> {
  try {
    return await promise;
  } catch (error) {
    throw typedError(error);
  }
}
