// Bob by node:https, which Node and Deno have: he sees Alice's certificate in the handshake.

import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { hear, oneTimeIdentity, say } from "./exchange.ts";

const alice = await hear();
const own = await oneTimeIdentity();
// She has signed herself, so nobody else's certificate leads to hers.
const trust = { ca: alice, requestCert: true, rejectUnauthorized: true };
const server = createServer({ ...own, ...trust }, (request, response) => {
  // A runtime that passes over these options has found nobody to be authorized.
  if ((request.socket as TLSSocket).authorized) response.end("Bob, to Alice alone\n");
  else request.socket.destroy();
});
server.listen(0, "127.0.0.1", () => say(own.cert, (server.address() as AddressInfo).port));
