package webhook

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A question goes to a peer: a program that answers with a library of Standard Webhooks. See tools/webhooks.
type question struct {
	Operation string            `json:"operation"` // name, sign or verify
	Key       string            `json:"key,omitempty"`
	ID        string            `json:"id,omitempty"`
	Timestamp int64             `json:"timestamp,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Body      string            `json:"body"`
}

type answer struct {
	Name      string `json:"name"`
	Ed25519   bool   `json:"ed25519"`
	Signature string `json:"signature"`
	Verified  bool   `json:"verified"`
}

// ask sends a question to a peer.
type ask func(t *testing.T, q question) answer

// startPeer starts a program, which ends with the test.
func startPeer(t *testing.T, command string) ask {
	t.Helper()
	words := strings.Fields(command)
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	})
	in, out := json.NewEncoder(stdin), json.NewDecoder(stdout)
	return func(t *testing.T, q question) (a answer) {
		t.Helper()
		if err := in.Encode(q); err != nil {
			t.Fatal(err)
		}
		if err := out.Decode(&a); err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// The libraries of other people verify what this package signs, and the other way round. tools/webhooks/check.sh names the
// programs with the libraries, one a line.
func TestPeersAgree(t *testing.T) {
	commands := os.Getenv("ASHLAR_WEBHOOK_PEERS")
	if commands == "" {
		t.Skip("ASHLAR_WEBHOOK_PEERS names no peers: run make webhooks-check")
	}
	for _, command := range strings.Split(commands, "\n") {
		peer := startPeer(t, command)
		about := peer(t, question{Operation: "name"})
		t.Run(about.Name, func(t *testing.T) {
			for range 100 {
				secret := NewSecret()
				checkPeerVerifies(t, peer, string(secret.Text()), secret)
				checkPeerSigns(t, peer, secret)
			}
		})
		if about.Ed25519 {
			t.Run(about.Name+" with ed25519", func(t *testing.T) {
				for range 100 {
					private := NewPrivateKey()
					public, _ := private.VerifyingKey().Public()
					checkPeerVerifies(t, peer, public, private)
				}
			})
		}
	}
}

// randomMessage returns the id and the body of a message.
func randomMessage() (id, body string) {
	letters := []rune(`abcXYZ019 "\{}[]:,.&<>äßж中🙂` + "\n\t")
	var text strings.Builder
	for range rand.N(200) {
		text.WriteRune(letters[rand.N(len(letters))])
	}
	data, _ := json.Marshal(map[string]any{"text": text.String(), "n": rand.N(1000)})
	written, _ := Event{Type: "orders.update", At: time.Now(), Data: data}.Body()
	return "msg_" + strconv.FormatUint(rand.Uint64(), 36), string(written)
}

// checkPeerVerifies checks that a peer takes what a key signs, and refuses forgeries as this package does.
func checkPeerVerifies(t *testing.T, peer ask, verifying string, key SigningKey) {
	t.Helper()
	id, body := randomMessage()
	at := time.Now().Add(rand.N(8*time.Minute) - 4*time.Minute)
	keys := []SigningKey{key, NewPrivateKey(), NewSecret()}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	header, err := Header(keys, id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	old, err := Header(keys, id, time.Now().Add(-10*time.Minute), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	early, err := Header(keys, id, time.Now().Add(10*time.Minute), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	own := key.sign(signed(id, header.Get(TimestampHeader), []byte(body)))
	isPublic := strings.HasPrefix(verifying, publicPrefix)
	for _, tt := range []struct {
		name   string
		header http.Header
		body   string
		want   bool
	}{
		{"true", header, body, true},
		{"another body", header, body + " ", false},
		{"another id", with(header, IDHeader, id+"x"), body, false},
		{"another time", with(header, TimestampHeader, strconv.FormatInt(at.Unix()+1, 10)), body, false},
		{"a part of the signature", with(header, SignatureHeader, cut(own)), body, false},
		{"a changed signature", with(header, SignatureHeader, flip(own)), body, false},
		{"no signature", with(header, SignatureHeader, "v1,"), body, false},
		{"too old", old, body, isPublic}, // what stands for a library with public keys does not look at the time
		{"too early", early, body, isPublic},
	} {
		sent := map[string]string{}
		for name := range tt.header {
			sent[strings.ToLower(name)] = tt.header.Get(name)
		}
		if got := peer(t, question{Operation: "verify", Key: verifying, Headers: sent, Body: tt.body}); got.Verified != tt.want {
			t.Errorf("%s: the peer takes it: %v", tt.name, got.Verified)
		}
		v := Verifier{Keys: []VerifyingKey{key.VerifyingKey()}}
		isOurs := v.Verify(tt.header, []byte(tt.body)) == nil
		if wantOurs := tt.name == "true"; isOurs != wantOurs {
			t.Errorf("%s: this package takes it: %v", tt.name, isOurs)
		}
	}
}

// checkPeerSigns checks that this package takes what a peer signs, and that both make the same signature.
func checkPeerSigns(t *testing.T, peer ask, key SigningKey) {
	t.Helper()
	id, body := randomMessage()
	at := time.Now()
	got := peer(t, question{Operation: "sign", Key: string(key.Text()), ID: id, Timestamp: at.Unix(), Body: body})
	want, err := Sign([]SigningKey{key}, id, at, []byte(body))
	if err != nil || got.Signature != want {
		t.Errorf("the peer signs %q, this package %q, %v", got.Signature, want, err)
	}
	header := http.Header{IDHeader: {id}, TimestampHeader: {strconv.FormatInt(at.Unix(), 10)}, SignatureHeader: {got.Signature}}
	if err := (&Verifier{Keys: []VerifyingKey{key.VerifyingKey()}}).Verify(header, []byte(body)); err != nil {
		t.Error(err)
	}
}

func with(header http.Header, name, value string) http.Header {
	changed := header.Clone()
	changed.Set(name, value)
	return changed
}

// cut returns a signature without its last bytes.
func cut(signature string) string { return signature[:len(signature)-4] }

// flip returns a signature with one bit changed.
func flip(signature string) string {
	version, encoded, _ := strings.Cut(signature, ",")
	raw, _ := base64.StdEncoding.DecodeString(encoded)
	raw[rand.N(len(raw))] ^= 1
	return version + "," + base64.StdEncoding.EncodeToString(raw)
}
