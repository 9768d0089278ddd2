// A custom handler for the host's tests. What it gets it writes to seen.jsonl; how it answers depends on the function.
import http from "node:http";
import fs from "node:fs";
import crypto from "node:crypto";

const note = (entry) => fs.appendFileSync("seen.jsonl", JSON.stringify(entry) + "\n");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let running = 0;

note({ started: process.pid, environment: Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith("FUNCTIONS_") || k === "ASPNETCORE_URLS" || k === "OWN_SETTING")), arguments: process.argv.slice(2) });
if (process.env.HANDLER_EXITS) process.exit(Number(process.env.HANDLER_EXITS));

async function body(request) {
  const hash = crypto.createHash("sha256");
  let octets = 0;
  const chunks = [];
  for await (const chunk of request) { hash.update(chunk); octets += chunk.length; if (octets < 1e6) chunks.push(chunk); }
  return { octets, sha256: hash.digest("hex"), text: Buffer.concat(chunks).toString() };
}

const server = http.createServer(async (request, response) => {
  const url = request.url;
  if (url === "/") return response.end("up");
  if (url.startsWith("/api/large")) {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    for (let i = 0; i < 320; i++) if (!response.write(Buffer.alloc(65536, i % 256))) await new Promise((r) => response.once("drain", r));
    return response.end();
  }
  if (url.startsWith("/api/redirect")) { response.writeHead(302, { location: "/api/open" }); return response.end(); }
  if (url.startsWith("/api/")) {
    const { octets, sha256 } = await body(request);
    response.writeHead(url.startsWith("/api/teapot") ? 418 : 200, { "content-type": "application/json", "x-own": "kept" });
    return response.end(JSON.stringify({ method: request.method, url, headers: request.headers, octets, sha256 }));
  }
  const { text } = await body(request);
  const name = url.slice(1);
  running++;
  note({ function: name, body: JSON.parse(text), chunked: request.headers["transfer-encoding"], type: request.headers["content-type"], invocation: request.headers["x-azure-functions-invocationid"], running });
  const json = (status, value) => { response.writeHead(status, { "content-type": "application/json" }); response.end(JSON.stringify(value)); };
  switch (name) {
    case "Fails": json(500, {}); break;
    case "NotJson": response.end("hello"); break;
    case "Empty": response.end(); break;
    case "Slow": await sleep(300); json(200, { Outputs: {}, Logs: ["slow"], ReturnValue: null }); break;
    case "Long": await sleep(5000); json(200, {}); break;
    case "Dies": if (!fs.existsSync("died")) { fs.writeFileSync("died", ""); process.exit(7); } json(200, {}); break;
    default: json(200, {});
  }
  running--;
});
server.listen(Number(process.env.FUNCTIONS_CUSTOMHANDLER_PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
