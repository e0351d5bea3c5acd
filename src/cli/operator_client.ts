/** The operator's routes of a verifier, for the commands that talk to one. */
import { parseVerifierUrl, requestJson } from '../../attestation/attester/verifier_client.js';
import { isLoopback, readOperatorToken } from '../../attestation/service/operator_auth.js';
import { UsageError } from '../errors.js';

export interface OperatorOptions {
  url: string;
  tokenFile?: string;
}

export class OperatorClient {
  readonly #base: URL;
  readonly #token: string;

  private constructor(base: URL, token: string) {
    this.#base = base;
    this.#token = token;
  }

  static async open({ url, tokenFile }: OperatorOptions): Promise<OperatorClient> {
    // A variable that is set to nothing is not set.
    if (tokenFile === undefined || tokenFile === '')
      throw new UsageError('ERR_OPTION_INVALID', 'operator token is missing', {
        fields: {
          hint: 'pass --token-file or set SEALEDGE_OPERATOR_TOKEN_FILE: operator-token in the data directory of the verifier',
        },
      });
    const base = parseUrl(url);
    return new OperatorClient(base, await readOperatorToken(tokenFile));
  }

  async get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
    const url = this.#url(path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    return (await requestJson(url, { headers: this.#headers() })) as T;
  }

  async send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body: unknown): Promise<T> {
    const headers = { ...this.#headers(), 'content-type': 'application/json' };
    return (await requestJson(this.#url(path), { method, headers, body: JSON.stringify(body) })) as T;
  }

  #url(path: string): URL {
    return new URL(`v1/operator/${path}`, this.#base);
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#token}` };
  }
}

/** Token and content keys go over this connection: in clear only to this machine. */
function parseUrl(text: string): URL {
  const url = parseVerifierUrl(text);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:' && !isLoopback(host))
    throw new UsageError('ERR_OPTION_INVALID', `verifier URL: expected https:// or a loopback address, got ${text}`, {
      fields: { hint: 'start the verifier with --tls-cert and --tls-key' },
    });
  return url;
}
