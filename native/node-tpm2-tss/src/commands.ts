import { type HashName, TPM_RH } from './constants.js';
import { digestValues, type NvPublic, nvPublic, type SignatureScheme, signatureScheme } from './marshal.js';
import type { NativeAuthorization, NativeHandle, NativeRequest } from './native.js';
import type { SecretHandle } from './secret_handle.js';
import { type Authorization, type CommandSessions, type Handle, Session } from './session.js';
import type * as T from './types.js';

const none = new Uint8Array();
/** TPML_PCR_SELECTION of nothing. */
const noPcrs = new Uint8Array(4);

type Parameters_ = NativeRequest['parameters'];
/** A secret given to the TPM: bytes, or a handle so that it does not pass through JavaScript. */
type SecretInput = Uint8Array | SecretHandle;

/**
 * The commands of TPM 2.0 Part 3, one method each. `sessions` is the authorization area; without it entities are authorized with
 * the empty password.
 */
export abstract class TpmCommands {
  /** Runs one command natively; `authorized` is how many of its handles need authorization (Part 3, the command's table). */
  protected abstract execute<R>(request: NativeRequest): Promise<R>;

  async #run<R = unknown>(
    command: string,
    handles: readonly (Handle | Session)[],
    authorized: number,
    parameters: Parameters_,
    sessions: CommandSessions = {},
  ): Promise<R> {
    const given = sessions.auth === undefined ? [] : Array.isArray(sessions.auth) ? sessions.auth : [sessions.auth];
    const authorizations: NativeAuthorization[] = [];
    for (let i = 0; i < Math.max(authorized, given.length); i++) authorizations.push(nativeAuthorization(given[i]));
    return this.execute<R>({
      command,
      handles: handles.map(nativeHandle),
      authorizations,
      parameters,
      ...(sessions.encryption ? { encryption: sessions.encryption.id } : {}),
    });
  }

  // Start-up and self-test (Part 3, 9 and 10)

  /** For simulators; on a device the firmware did this. */
  async startup(startupType: 'clear' | 'state' = 'clear'): Promise<void> {
    await this.#run('TPM2_Startup', [], 0, { startupType: startupType === 'clear' ? 0 : 1 });
  }

  async shutdown(shutdownType: 'clear' | 'state' = 'clear'): Promise<void> {
    await this.#run('TPM2_Shutdown', [], 0, { shutdownType: shutdownType === 'clear' ? 0 : 1 });
  }

  async selfTest(options: { fullTest?: boolean } = {}): Promise<void> {
    await this.#run('TPM2_SelfTest', [], 0, { fullTest: options.fullTest ? 1 : 0 });
  }

  async getTestResult(sessions?: CommandSessions): Promise<T.TestResult> {
    return this.#run('TPM2_GetTestResult', [], 0, {}, sessions);
  }

  // Random numbers, capabilities, clock (16, 30, 29)

  /** At most the size of the TPM's largest digest. */
  async getRandom(bytesRequested: number, sessions?: CommandSessions): Promise<Buffer> {
    return (await this.#run<{ randomBytes: Buffer }>('TPM2_GetRandom', [], 0, { bytesRequested }, sessions))
      .randomBytes;
  }

  async getCapability(p: { capability: number; property: number; propertyCount: number }): Promise<T.Capability> {
    return this.#run('TPM2_GetCapability', [], 0, p);
  }

  async readClock(): Promise<T.TimeInfo> {
    return this.#run('TPM2_ReadClock', [], 0, {});
  }

  // PCRs (22)

  /** The TPM answers at most eight PCRs and says in `pcrSelectionOut` which: {@link Tpm.readPcrs} reads all. */
  async pcrRead(p: { pcrSelectionIn: Uint8Array }): Promise<T.PcrReadResult> {
    return this.#run('TPM2_PCR_Read', [], 0, p);
  }

  async pcrExtend(
    p: { pcrHandle: number; digests: Readonly<Partial<Record<HashName, Uint8Array>>> },
    sessions?: CommandSessions,
  ): Promise<void> {
    await this.#run('TPM2_PCR_Extend', [p.pcrHandle], 1, { digests: digestValues(p.digests) }, sessions);
  }

  // Non-volatile storage (31). authHandle is TPM_RH_OWNER, TPM_RH_PLATFORM or (the default) the index itself.

  async nvDefineSpace(
    p: { authHandle?: number; auth?: SecretInput; publicInfo: NvPublic },
    sessions?: CommandSessions,
  ): Promise<void> {
    const parameters = { auth: p.auth ?? none, publicInfo: nvPublic(p.publicInfo) };
    await this.#run('TPM2_NV_DefineSpace', [p.authHandle ?? TPM_RH.OWNER], 1, parameters, sessions);
  }

  async nvUndefineSpace(p: { authHandle?: number; nvIndex: Handle }, sessions?: CommandSessions): Promise<void> {
    await this.#run('TPM2_NV_UndefineSpace', [p.authHandle ?? TPM_RH.OWNER, p.nvIndex], 1, {}, sessions);
  }

  async nvReadPublic(p: { nvIndex: number }): Promise<T.NvPublicArea> {
    return this.#run('TPM2_NV_ReadPublic', [p.nvIndex], 0, {});
  }

  /** One TPM2_NV_Read, at most TPM_PT_NV_BUFFER_MAX bytes: {@link Tpm.nvReadAll} reads a whole index. */
  async nvRead(
    p: { authHandle?: Handle; nvIndex: Handle; size: number; offset?: number },
    sessions?: CommandSessions,
  ): Promise<Buffer> {
    const parameters = { size: p.size, offset: p.offset ?? 0 };
    const handles = [p.authHandle ?? p.nvIndex, p.nvIndex];
    return (await this.#run<{ data: Buffer }>('TPM2_NV_Read', handles, 1, parameters, sessions)).data;
  }

  async nvWrite(
    p: { authHandle?: Handle; nvIndex: Handle; data: SecretInput; offset?: number },
    sessions?: CommandSessions,
  ): Promise<void> {
    const parameters = { data: p.data, offset: p.offset ?? 0 };
    await this.#run('TPM2_NV_Write', [p.authHandle ?? p.nvIndex, p.nvIndex], 1, parameters, sessions);
  }

  async nvIncrement(p: { authHandle?: Handle; nvIndex: Handle }, sessions?: CommandSessions): Promise<void> {
    await this.#run('TPM2_NV_Increment', [p.authHandle ?? p.nvIndex, p.nvIndex], 1, {}, sessions);
  }

  /** Until the next TPM reset or restart nothing can read the index (it needs TPMA_NV_READ_STCLEAR). */
  async nvReadLock(p: { authHandle?: Handle; nvIndex: Handle }, sessions?: CommandSessions): Promise<void> {
    await this.#run('TPM2_NV_ReadLock', [p.authHandle ?? p.nvIndex, p.nvIndex], 1, {}, sessions);
  }

  /** `auth` is for signHandle, then for authHandle. */
  async nvCertify(
    p: {
      signHandle: Handle;
      authHandle?: Handle;
      nvIndex: Handle;
      qualifyingData: Uint8Array;
      inScheme?: SignatureScheme;
      size: number;
      offset?: number;
    },
    sessions?: CommandSessions,
  ): Promise<T.Certification> {
    const { qualifyingData, size, offset = 0 } = p;
    const parameters = { qualifyingData, inScheme: signatureScheme(p.inScheme ?? 'null'), size, offset };
    const handles = [p.signHandle, p.authHandle ?? p.nvIndex, p.nvIndex];
    return this.#run('TPM2_NV_Certify', handles, 2, parameters, sessions);
  }

  // Objects (12, 13, 24, 28)

  async createPrimary(
    p: {
      primaryHandle: number;
      inPublic: Uint8Array;
      userAuth?: SecretInput;
      data?: SecretInput;
      outsideInfo?: Uint8Array;
      creationPCR?: Uint8Array;
    },
    sessions?: CommandSessions,
  ): Promise<T.CreatedPrimary> {
    return this.#run('TPM2_CreatePrimary', [p.primaryHandle], 1, creation(p), sessions);
  }

  /** `data` is what to seal, for a KEYEDHASH template without sensitiveDataOrigin. */
  async create(
    p: {
      parentHandle: Handle;
      inPublic: Uint8Array;
      userAuth?: SecretInput;
      data?: SecretInput;
      outsideInfo?: Uint8Array;
      creationPCR?: Uint8Array;
    },
    sessions?: CommandSessions,
  ): Promise<T.CreatedObject> {
    return this.#run('TPM2_Create', [p.parentHandle], 1, creation(p), sessions);
  }

  async load(
    p: { parentHandle: Handle; inPrivate: Uint8Array; inPublic: Uint8Array },
    sessions?: CommandSessions,
  ): Promise<T.LoadedObject> {
    const { inPrivate, inPublic } = p;
    const answer = await this.#run<T.LoadedObject>('TPM2_Load', [p.parentHandle], 1, { inPrivate, inPublic }, sessions);
    return { ...answer, publicArea: Buffer.from(inPublic) };
  }

  /** Public areas only. A ticket of VerifySignature is good for PolicyAuthorize unless the hierarchy is TPM_RH_NULL. */
  async loadExternal(
    p: { inPublic: Uint8Array; hierarchy?: number },
    sessions?: CommandSessions,
  ): Promise<T.LoadedObject> {
    const parameters = { inPublic: p.inPublic, hierarchy: p.hierarchy ?? TPM_RH.OWNER };
    const answer = await this.#run<T.LoadedObject>('TPM2_LoadExternal', [], 0, parameters, sessions);
    return { ...answer, publicArea: Buffer.from(p.inPublic) };
  }

  async readPublic(p: { objectHandle: number }): Promise<T.PublicArea> {
    return this.#run('TPM2_ReadPublic', [p.objectHandle], 0, {});
  }

  /** `symmetricAlg` is NULL: the duplicate has no inner wrapper. Result: content of a TPM2B_PRIVATE for {@link load}. */
  async import(
    p: { parentHandle: Handle; objectPublic: Uint8Array; duplicate: Uint8Array; inSymSeed: Uint8Array },
    sessions?: CommandSessions,
  ): Promise<{ outPrivate: Buffer }> {
    const { objectPublic, duplicate, inSymSeed } = p;
    return this.#run('TPM2_Import', [p.parentHandle], 1, { objectPublic, duplicate, inSymSeed }, sessions);
  }

  async flushContext(p: { flushHandle: number }): Promise<void> {
    await this.#run('TPM2_FlushContext', [], 0, p);
  }

  /** Makes a loaded object persistent, or removes a persistent one (then objectHandle is persistentHandle). */
  async evictControl(
    p: { auth?: number; objectHandle: Handle; persistentHandle: number },
    sessions?: CommandSessions,
  ): Promise<void> {
    const handles = [p.auth ?? TPM_RH.OWNER, p.objectHandle];
    await this.#run('TPM2_EvictControl', handles, 1, { persistentHandle: p.persistentHandle }, sessions);
  }

  // Credentials and attestation (12, 18)

  /**
   * `auth` is for activateHandle, then for keyHandle (the EK, under its policy: {@link Tpm.startEkPolicySession}).
   * certInfo is the answer to a challenge, not a key: it is meant to leave the device.
   */
  async activateCredential(
    p: { activateHandle: Handle; keyHandle: Handle; credentialBlob: Uint8Array; secret: Uint8Array },
    sessions?: CommandSessions,
  ): Promise<{ certInfo: Buffer }> {
    const { credentialBlob, secret } = p;
    const handles = [p.activateHandle, p.keyHandle];
    return this.#run('TPM2_ActivateCredential', handles, 2, { credentialBlob, secret }, sessions);
  }

  /** `auth` is for objectHandle, then for signHandle. */
  async certify(
    p: { objectHandle: Handle; signHandle: Handle; qualifyingData: Uint8Array; inScheme?: SignatureScheme },
    sessions?: CommandSessions,
  ): Promise<T.Certification> {
    const parameters = { qualifyingData: p.qualifyingData, inScheme: signatureScheme(p.inScheme ?? 'null') };
    return this.#run('TPM2_Certify', [p.objectHandle, p.signHandle], 2, parameters, sessions);
  }

  async quote(
    p: { signHandle: Handle; qualifyingData: Uint8Array; inScheme?: SignatureScheme; pcrSelect: Uint8Array },
    sessions?: CommandSessions,
  ): Promise<T.Quoted> {
    const { qualifyingData, pcrSelect } = p;
    const parameters = { qualifyingData, inScheme: signatureScheme(p.inScheme ?? 'null'), pcrSelect };
    return this.#run('TPM2_Quote', [p.signHandle], 1, parameters, sessions);
  }

  /** Returns the TPMT_TK_VERIFIED ticket. */
  async verifySignature(p: {
    keyHandle: Handle;
    digest: Uint8Array;
    signature: Uint8Array;
  }): Promise<{ validation: Buffer }> {
    const { digest, signature } = p;
    return this.#run('TPM2_VerifySignature', [p.keyHandle], 0, { digest, signature });
  }

  // Policy (23)

  /** `pcrDigest` empty: whatever the PCRs are now. */
  async policyPCR(p: { policySession: Session; pcrDigest?: Uint8Array; pcrs: Uint8Array }): Promise<void> {
    await this.#run('TPM2_PolicyPCR', [p.policySession], 0, { pcrDigest: p.pcrDigest ?? none, pcrs: p.pcrs });
  }

  async policySecret(
    p: {
      authHandle: Handle;
      policySession: Session;
      cpHashA?: Uint8Array;
      policyRef?: Uint8Array;
      expiration?: number;
    },
    sessions?: CommandSessions,
  ): Promise<T.PolicyTicket> {
    const { cpHashA = none, policyRef = none, expiration = 0 } = p;
    // INT32 as its two's complement: native code takes unsigned numbers only.
    const parameters = { nonceTPM: none, cpHashA, policyRef, expiration: expiration >>> 0 };
    return this.#run('TPM2_PolicySecret', [p.authHandle, p.policySession], 1, parameters, sessions);
  }

  async policyAuthorize(p: {
    policySession: Session;
    approvedPolicy: Uint8Array;
    policyRef?: Uint8Array;
    keySign: Uint8Array;
    checkTicket: Uint8Array;
  }): Promise<void> {
    const { approvedPolicy, policyRef = none, keySign, checkTicket } = p;
    await this.#run('TPM2_PolicyAuthorize', [p.policySession], 0, { approvedPolicy, policyRef, keySign, checkTicket });
  }

  async policyNV(
    p: {
      authHandle?: Handle;
      nvIndex: Handle;
      policySession: Session;
      operandB: Uint8Array;
      offset?: number;
      operation: number;
    },
    sessions?: CommandSessions,
  ): Promise<void> {
    const parameters = { operandB: p.operandB, offset: p.offset ?? 0, operation: p.operation };
    const handles = [p.authHandle ?? p.nvIndex, p.nvIndex, p.policySession];
    await this.#run('TPM2_PolicyNV', handles, 1, parameters, sessions);
  }

  /** Compares with the TPMS_TIME_INFO at `offset`: time 0, clock 8, resetCount 16, restartCount 20, safe 24. */
  async policyCounterTimer(p: {
    policySession: Session;
    operandB: Uint8Array;
    offset?: number;
    operation: number;
  }): Promise<void> {
    const { operandB, offset = 0, operation } = p;
    await this.#run('TPM2_PolicyCounterTimer', [p.policySession], 0, { operandB, offset, operation });
  }

  async policyCommandCode(p: { policySession: Session; code: number }): Promise<void> {
    await this.#run('TPM2_PolicyCommandCode', [p.policySession], 0, { code: p.code });
  }

  /** Two to eight branches. */
  async policyOR(p: { policySession: Session; pHashList: readonly Uint8Array[] }): Promise<void> {
    await this.#run('TPM2_PolicyOR', [p.policySession], 0, { pHashList: p.pHashList });
  }

  async policyAuthValue(p: { policySession: Session }): Promise<void> {
    await this.#run('TPM2_PolicyAuthValue', [p.policySession], 0, {});
  }

  async policyGetDigest(p: { policySession: Session }): Promise<Buffer> {
    return (await this.#run<{ policyDigest: Buffer }>('TPM2_PolicyGetDigest', [p.policySession], 0, {})).policyDigest;
  }

  // Unseal (12)

  /** The secret stays in secret memory; `auth` should be a salted session, or it crosses the bus in clear. */
  async unseal(p: { itemHandle: Handle }, sessions?: CommandSessions): Promise<SecretHandle> {
    return (await this.#run<{ outData: SecretHandle }>('TPM2_Unseal', [p.itemHandle], 1, {}, sessions)).outData;
  }

  /** As {@link unseal}, and then copies the secret into the JavaScript heap, where nothing protects or wipes it. */
  async unsealToBufferExposingSecret(p: { itemHandle: Handle }, sessions?: CommandSessions): Promise<Buffer> {
    const parameters = { exposeSecret: 1 };
    return (await this.#run<{ outData: Buffer }>('TPM2_Unseal', [p.itemHandle], 1, parameters, sessions)).outData;
  }

  // Hierarchies (24, 25)

  async hierarchyChangeAuth(
    p: { authHandle: number; newAuth: SecretInput },
    sessions?: CommandSessions,
  ): Promise<void> {
    await this.#run('TPM2_HierarchyChangeAuth', [p.authHandle], 1, { newAuth: p.newAuth }, sessions);
  }

  /** Destroys everything in the owner and endorsement hierarchies, sealed objects included. */
  async clear(p: { authHandle?: number } = {}, sessions?: CommandSessions): Promise<void> {
    await this.#run('TPM2_Clear', [p.authHandle ?? TPM_RH.LOCKOUT], 1, {}, sessions);
  }

  async dictionaryAttackLockReset(p: { lockHandle?: number } = {}, sessions?: CommandSessions): Promise<void> {
    await this.#run('TPM2_DictionaryAttackLockReset', [p.lockHandle ?? TPM_RH.LOCKOUT], 1, {}, sessions);
  }
}

function creation(p: {
  inPublic: Uint8Array;
  userAuth?: SecretInput;
  data?: SecretInput;
  outsideInfo?: Uint8Array;
  creationPCR?: Uint8Array;
}): Parameters_ {
  const { inPublic, userAuth = none, data = none, outsideInfo = none, creationPCR = noPcrs } = p;
  return { inPublic, userAuth, data, outsideInfo, creationPCR };
}

function nativeHandle(handle: Handle | Session): NativeHandle {
  if (typeof handle === 'number') return { handle };
  if (handle instanceof Session) return { handle: handle.handle, session: handle.id };
  return { handle: handle.handle, name: handle.name };
}

function nativeAuthorization(authorization: Authorization | undefined): NativeAuthorization {
  if (authorization === undefined) return {};
  if (authorization instanceof Session) return { session: authorization.id };
  if ('session' in authorization) return { session: authorization.session.id, authValue: authorization.authValue };
  return { authValue: authorization.password };
}
