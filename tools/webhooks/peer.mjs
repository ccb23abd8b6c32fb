// Signs and verifies with the library of Standard Webhooks for JavaScript. The library has no ed25519 keys, so OpenSSL verifies
// these, as Node.js has it. It reads a question per line and writes an answer per line, see TestPeersAgree.
import { createPublicKey, verify } from "node:crypto"
import { createInterface } from "node:readline"
import { Webhook } from "standardwebhooks"

function verifyEd25519(q) {
	const x = Buffer.from(q.key.slice("whpk_".length), "base64").toString("base64url")
	const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" })
	const content = Buffer.from(`${q.headers["webhook-id"]}.${q.headers["webhook-timestamp"]}.${q.body}`)
	return q.headers["webhook-signature"]
		.split(" ")
		.filter((text) => text.startsWith("v1a,"))
		.some((text) => verify(null, content, key, Buffer.from(text.slice("v1a,".length), "base64")))
}

function reply(q) {
	switch (q.operation) {
		case "name":
			return { name: "JavaScript", ed25519: true }
		case "sign":
			return { signature: new Webhook(q.key).sign(q.id, new Date(q.timestamp * 1000), q.body) }
	}
	if (q.key.startsWith("whpk_")) {
		return { verified: verifyEd25519(q) }
	}
	try {
		new Webhook(q.key).verify(q.body, q.headers, { jsonParse: false })
		return { verified: true }
	} catch {
		return { verified: false }
	}
}

for await (const line of createInterface({ input: process.stdin })) {
	process.stdout.write(JSON.stringify(reply(JSON.parse(line))) + "\n")
}
