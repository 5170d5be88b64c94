// Bob's half of the exchange, for Deno and Node: hear Alice's line, make a certificate, say a line.

import "reflect-metadata"; // @peculiar/x509 wants it, and before itself
import { PemConverter, X509CertificateGenerator } from "@peculiar/x509";
import process from "node:process";
import { createInterface } from "node:readline";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR = 60 * 60 * 1000;

/** A certificate and its key, both in PEM. */
export interface Identity {
  cert: string;
  key: string;
}

/** Waits for Alice's certificate. Once she is gone our standard input ends, and we end with it. */
export function hear(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  lines.on("close", () => process.exit());
  return new Promise((resolve) => lines.once("line", (line) => resolve(JSON.parse(line).cert)));
}

/** Makes a key and a self-signed certificate for one day. They are in memory alone. */
export async function oneTimeIdentity(): Promise<Identity> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: "CN=Bob",
    keys,
    signingAlgorithm: ALGORITHM,
    // A clock may be a little behind.
    notBefore: new Date(Date.now() - HOUR),
    notAfter: new Date(Date.now() + 24 * HOUR),
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: cert.toString("pem"), key: PemConverter.encode(key, "PRIVATE KEY") };
}

/** Says the line: who we are, and where on 127.0.0.1 we listen. Nothing may be printed before it. */
export function say(cert: string, port: number) {
  console.log(JSON.stringify({ cert, port }));
}
