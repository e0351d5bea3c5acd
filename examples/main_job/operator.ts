import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Swtpm } from '../../tests/support/swtpm.js';
import { Companion, type Json, succeed } from './processes.js';
import type { SealedModel } from './publisher.js';
import type { Workshop } from './workshop.js';

export const FLEET = 'plant-1';
/** Firmware, its configuration, boot loader, secure boot policy: what this fleet is judged by. */
export const PCRS = [0, 1, 4, 7];

/** Who runs the verifier and decides which states are good. Its state key stays here: the verifier never sees it. */
export class Operator {
  readonly #workshop: Workshop;
  readonly #stateKeyFile: string;
  readonly #statePublicFile: string;
  #verifier: Companion | undefined;
  #access: string[] = [];
  url = '';

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
    this.#stateKeyFile = workshop.path('state-key.pem');
    this.#statePublicFile = workshop.path('state-key.pub.pem');
    const { privateKey, publicKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    writeFileSync(this.#stateKeyFile, privateKey, { mode: 0o600 });
    writeFileSync(this.#statePublicFile, publicKey);
  }

  async startVerifier(): Promise<void> {
    const data = this.#workshop.path('verifier');
    this.#verifier = this.#workshop.adopt(
      Companion.sealedge(['verifier', 'start', '--data', data, '--port', '0', '--log-level', 'warn']),
    );
    const { url, operatorTokenFile } = await this.#verifier.hear();
    this.url = url;
    this.#access = ['--url', url, '--token-file', operatorTokenFile];
  }

  /** Trusts the CA that vouches for these TPMs, takes the present state of one as good, and signs it for unsealing. */
  async approveStateOf(tpm: Swtpm, referenceValues: Json): Promise<void> {
    const references = this.#workshop.path('reference-values.json');
    writeFileSync(references, JSON.stringify(referenceValues));
    const { root, issuer } = tpm.caCertificates;
    writeFileSync(this.#workshop.path('ek-root.pem'), root);
    writeFileSync(this.#workshop.path('ek-issuer.pem'), issuer);
    const trust = [
      '--ek-root',
      this.#workshop.path('ek-root.pem'),
      '--ek-intermediate',
      this.#workshop.path('ek-issuer.pem'),
    ];
    const judge = ['--reference-values', references, '--pcrs', PCRS.join(','), '--state-key', this.#statePublicFile];
    const approvals = this.#workshop.path('approvals.json');
    const sign = [
      '--key',
      this.#stateKeyFile,
      '--reference-values',
      references,
      '--pcrs',
      PCRS.join(','),
      '-o',
      approvals,
    ];
    await Promise.all([
      this.command(['policy', 'set', '--fleet', FLEET, ...trust, ...judge]),
      succeed(['approve-state', '--fleet', FLEET, '--epoch', '1', ...sign]),
    ]);
    await this.command(['approvals', 'import', approvals, '--fleet', FLEET]);
  }

  /** Takes a model's key into the key store and lets the fleet have it. */
  async offer({ model, version, keyFile }: SealedModel): Promise<void> {
    await this.command(['keys', 'import', keyFile]);
    await this.command(['release', model, '--version', String(version), '--fleet', FLEET]);
  }

  async unsealOncePerBoot(): Promise<void> {
    await this.command(['policy', 'set', '--fleet', FLEET, '--unseal-once-per-boot']);
  }

  get #log(): Json[] {
    const lines = (this.#verifier?.log ?? '').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Json);
  }

  /** Why the verifier last refused: its log says it in full, the wire does not. */
  get lastRefusal(): string {
    return this.#log.findLast(({ refusal }) => refusal)?.refusal.message ?? '';
  }

  /** In what the last state that was not approved differs from the approved one. */
  get lastObjection(): string {
    const claims: Json[] = this.#log.findLast(({ failedClaims }) => failedClaims?.length > 0)?.failedClaims ?? [];
    const shorten = (hex: string): string => (hex.length > 16 ? `${hex.slice(0, 16)}...` : hex);
    return claims
      .map(({ claim, expected, got }) => `${claim}: expected ${shorten(expected)}, got ${shorten(got)}`)
      .join('; ');
  }

  command(args: readonly string[]): Promise<Json> {
    return succeed(['verifier', ...args, ...this.#access]);
  }
}
