// Bob in Deno, whose server asks for no client certificate.
//
//   bob.ts                  HTTPS: Alice's certificate comes in each request (pair --header)
//   bob.ts --plain SOCKET   HTTP on a UNIX socket: pair --accept stands before it and asks for one

import { createHash, timingSafeEqual } from "node:crypto";
import { hear, oneTimeIdentity, say } from "./exchange.ts";

const answer = () => new Response("Bob, to Alice alone\n");
const digest = (text: string) => createHash("sha256").update(text).digest();

if (Deno.args[0] === "--plain") {
  // By default Deno says where it listens on standard output, which is not for that.
  Deno.serve({ path: Deno.args[1], onListen: () => {} }, answer);
} else {
  // As the header has it. Whoever knows it counts as Alice: how long a comparison takes must not tell it.
  const alice = digest(encodeURIComponent(await hear()));
  const own = await oneTimeIdentity();
  const onListen = ({ port }: Deno.NetAddr) => say(own.cert, port);
  Deno.serve({ hostname: "127.0.0.1", port: 0, ...own, onListen }, (request) => {
    const shown = digest(request.headers.get("X-Client-Cert") ?? "");
    return timingSafeEqual(shown, alice) ? answer() : new Response("Not Alice\n", { status: 403 });
  });
}
