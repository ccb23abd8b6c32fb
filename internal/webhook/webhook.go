// Package webhook has the rules of Standard Webhooks: how a message is written, signed and verified, what an answer means, and
// when the next attempt is due.
//
// It sends nothing and keeps nothing. The files:
//   - message.go writes the body and the headers of a message.
//   - key.go has the keys, sign.go signs with them, verify.go verifies, keyset.go publishes.
//   - schedule.go and answer.go say when a message is sent again.
//   - breaker.go decides whether an endpoint gets messages.
package webhook
