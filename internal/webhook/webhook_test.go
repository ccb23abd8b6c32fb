package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The example of the specification: one message, signed with a shared secret and with an ed25519 key.
const (
	exampleID      = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	exampleSeconds = 1614265330
	exampleBody    = `{"test": 2432232314}`
	exampleSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleV1      = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	examplePrivate = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	examplePublic  = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	exampleV1a     = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

func signingKey(t testing.TB, text string) SigningKey {
	t.Helper()
	key, err := ParseSigningKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func verifyingKey(t testing.TB, text string) VerifyingKey {
	t.Helper()
	key, err := ParseVerifyingKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// example returns the headers of the example.
func example(signature string) http.Header {
	return http.Header{IDHeader: {exampleID}, TimestampHeader: {strconv.Itoa(exampleSeconds)}, SignatureHeader: {signature}}
}

// verifier returns a Verifier for the time of the example.
func verifier(keys ...VerifyingKey) *Verifier {
	return &Verifier{Keys: keys, Now: func() time.Time { return time.Unix(exampleSeconds, 0) }}
}

func TestSignaturesAreTheOnesOfTheSpecification(t *testing.T) {
	at := time.Unix(exampleSeconds, 0)
	keys := []SigningKey{signingKey(t, exampleSecret), signingKey(t, examplePrivate)}
	header, err := Header(keys, exampleID, at, []byte(exampleBody))
	if err != nil {
		t.Fatal(err)
	}
	want := example(exampleV1 + " " + exampleV1a)
	want.Set("Content-Type", "application/json")
	if !reflect.DeepEqual(header, want) {
		t.Errorf("Header = %v, want %v", header, want)
	}
	for _, text := range []string{exampleSecret, examplePublic} {
		if err := verifier(verifyingKey(t, text)).Verify(header, []byte(exampleBody)); err != nil {
			t.Errorf("with %s: %v", text, err)
		}
	}
	if public, ok := keys[1].VerifyingKey().Public(); !ok || public != examplePublic {
		t.Errorf("the public key is %s", public)
	}
}

// libwebhook of Svix compared only the common part of two signatures (CVE-2024-21491).
func TestForgery_PartsOfASignatureAreRefused(t *testing.T) {
	for _, tt := range []struct{ key, signature string }{{exampleSecret, exampleV1}, {examplePublic, exampleV1a}} {
		v := verifier(verifyingKey(t, tt.key))
		version, encoded, _ := strings.Cut(tt.signature, ",")
		whole, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		padded := strings.IndexByte(tt.signature, '=') // the bits of the character before it are not all used
		unused := tt.signature[:padded-1] + string(tt.signature[padded-1]+1) + tt.signature[padded:]
		forged := []string{unused, tt.signature + "\n", tt.signature[:10] + "\r\n" + tt.signature[10:], tt.signature + "=", tt.signature + "A", tt.signature + "AAAA", encoded, "v1", "v1a", ",", " ", ""}
		for n := range tt.signature { // of its text
			forged = append(forged, tt.signature[:n], tt.signature[n+1:])
		}
		for n := range whole { // of its bytes, and one bit of each byte
			changed := append([]byte(nil), whole...)
			changed[n] ^= 1
			for _, part := range [][]byte{whole[:n], whole[n+1:], changed} {
				forged = append(forged, version+","+base64.StdEncoding.EncodeToString(part), version+","+base64.RawStdEncoding.EncodeToString(part))
			}
		}
		forged = append(forged, version+","+base64.StdEncoding.EncodeToString(append(whole, 0)), version+","+base64.RawStdEncoding.EncodeToString(whole))
		for _, signature := range forged {
			if err := v.Verify(example(signature), []byte(exampleBody)); !errors.Is(err, ErrSignature) {
				t.Errorf("%q: %v", signature, err)
			}
			if err := v.Verify(example(signature+" "+tt.signature), []byte(exampleBody)); err != nil {
				t.Errorf("%q beside the true one: %v", signature, err) // so that the refusals above are not for another reason
			}
		}
	}
}

func TestForgery_EachPartOfAMessageIsSigned(t *testing.T) {
	v := verifier(verifyingKey(t, exampleSecret), verifyingKey(t, examplePublic))
	both := exampleV1 + " " + exampleV1a
	for _, tt := range []struct {
		name, id, timestamp, body string
	}{
		{"id", exampleID + "x", strconv.Itoa(exampleSeconds), exampleBody},
		{"case of the id", strings.ToUpper(exampleID), strconv.Itoa(exampleSeconds), exampleBody},
		{"timestamp", exampleID, strconv.Itoa(exampleSeconds + 1), exampleBody},
		{"body", exampleID, strconv.Itoa(exampleSeconds), exampleBody + " "},
		{"no body", exampleID, strconv.Itoa(exampleSeconds), ""},
	} {
		header := http.Header{IDHeader: {tt.id}, TimestampHeader: {tt.timestamp}, SignatureHeader: {both}}
		if err := v.Verify(header, []byte(tt.body)); !errors.Is(err, ErrSignature) {
			t.Errorf("another %s: %v", tt.name, err)
		}
	}
	other := verifier(NewSecret().VerifyingKey(), NewPrivateKey().VerifyingKey())
	if err := other.Verify(example(both), []byte(exampleBody)); !errors.Is(err, ErrSignature) {
		t.Errorf("other keys: %v", err)
	}
	if err := verifier().Verify(example(both), []byte(exampleBody)); !errors.Is(err, ErrSignature) {
		t.Errorf("no key: %v", err)
	}
}

// The id "a.1614265330", the timestamp 1614265331 and the body "x" are signed as the same text as the id "a", the timestamp
// 1614265330 and the body "1614265331.x".
func TestForgery_ThePartsOfAMessageDoNotMove(t *testing.T) {
	key := signingKey(t, exampleSecret)
	signature, err := Sign([]SigningKey{key}, "a", time.Unix(exampleSeconds, 0), []byte("1614265331.x"))
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(key.VerifyingKey())
	header := http.Header{IDHeader: {"a"}, TimestampHeader: {strconv.Itoa(exampleSeconds)}, SignatureHeader: {signature}}
	if err := v.Verify(header, []byte("1614265331.x")); err != nil {
		t.Fatal(err)
	}
	header[IDHeader], header[TimestampHeader] = []string{"a.1614265330"}, []string{"1614265331"}
	if err := v.Verify(header, []byte("x")); !errors.Is(err, ErrHeaders) {
		t.Errorf("a moved end of the id: %v", err)
	}
	for _, id := range []string{"", "a.b", "a b", "a\n", "ä", strings.Repeat("x", maxID+1)} {
		if _, err := Header([]SigningKey{key}, id, time.Now(), nil); err == nil {
			t.Errorf("the id %q is signed", id)
		}
	}
}

// Everybody knows a public key, so it must not work as a shared secret.
func TestForgery_APublicKeyIsNoSecret(t *testing.T) {
	public := verifyingKey(t, examplePublic)
	content := signed(exampleID, strconv.Itoa(exampleSeconds), []byte(exampleBody))
	mac := hmac.New(sha256.New, public.public)
	mac.Write(content)
	for _, version := range []string{"v1", "v1a"} {
		forged := version + "," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if err := verifier(public).Verify(example(forged), []byte(exampleBody)); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", version, err)
		}
	}
	for _, crossed := range []string{"v1" + strings.TrimPrefix(exampleV1a, "v1a"), "v1a" + strings.TrimPrefix(exampleV1, "v1"), strings.ToUpper(exampleV1), "v2" + strings.TrimPrefix(exampleV1, "v1")} {
		if err := verifier(public, verifyingKey(t, exampleSecret)).Verify(example(crossed), []byte(exampleBody)); !errors.Is(err, ErrSignature) {
			t.Errorf("%q: %v", crossed, err)
		}
	}
}

func TestReplay_OldMessagesAreRefused(t *testing.T) {
	key := verifyingKey(t, exampleSecret)
	for _, tt := range []struct {
		tolerance, age time.Duration
		want           error
	}{
		{0, 0, nil}, {0, 5 * time.Minute, nil}, {0, -5 * time.Minute, nil}, {0, 5*time.Minute + time.Second, ErrTimestamp}, {0, -5*time.Minute - time.Second, ErrTimestamp},
		{time.Second, time.Second, nil}, {time.Second, 2 * time.Second, ErrTimestamp}, {0, 200 * 365 * 24 * time.Hour, ErrTimestamp},
	} {
		v := &Verifier{Keys: []VerifyingKey{key}, Tolerance: tt.tolerance, Now: func() time.Time { return time.Unix(exampleSeconds, 0).Add(tt.age) }}
		if err := v.Verify(example(exampleV1), []byte(exampleBody)); !errors.Is(err, tt.want) {
			t.Errorf("age %v, tolerance %v: %v, want %v", tt.age, tt.tolerance, err, tt.want)
		}
	}
	if err := (&Verifier{Keys: []VerifyingKey{key}}).Verify(example(exampleV1), []byte(exampleBody)); !errors.Is(err, ErrTimestamp) {
		t.Errorf("years later: %v", err)
	}
}

func TestHeadersAreThereOnce(t *testing.T) {
	v := verifier(verifyingKey(t, exampleSecret))
	for _, name := range []string{IDHeader, TimestampHeader, SignatureHeader} {
		for _, values := range [][]string{nil, {""}, {example(exampleV1).Get(name), example(exampleV1).Get(name)}, {"x", example(exampleV1).Get(name)}} {
			header := example(exampleV1)
			header[name] = values
			if err := v.Verify(header, []byte(exampleBody)); err == nil {
				t.Errorf("%s: %q is taken", name, values)
			}
		}
	}
	for _, timestamp := range []string{"+1614265330", "01614265330", " 1614265330", "1614265330 ", "1614265330.0", "1.614265330e9", "-1614265330", "0x6037bf32", "99999999999999999999", "253402300800", "１６１４２６５３３０"} {
		header := example(exampleV1)
		header[TimestampHeader] = []string{timestamp}
		if err := v.Verify(header, []byte(exampleBody)); !errors.Is(err, ErrHeaders) {
			t.Errorf("timestamp %q: %v", timestamp, err)
		}
	}
	many := strings.Repeat("v1,x ", maxSignatures-1) + exampleV1
	if err := v.Verify(example(many), []byte(exampleBody)); err != nil {
		t.Errorf("%d signatures: %v", maxSignatures, err)
	}
	if err := v.Verify(example("v1,x "+many), []byte(exampleBody)); !errors.Is(err, ErrHeaders) {
		t.Errorf("%d signatures: %v", maxSignatures+1, err)
	}
}

// While a key is replaced, a receiver with either key takes the messages.
func TestRotation(t *testing.T) {
	former, latter := NewSecret(), NewPrivateKey()
	at := time.Unix(exampleSeconds, 0)
	header, err := Header([]SigningKey{latter, former}, exampleID, at, []byte(exampleBody))
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]VerifyingKey{{former.VerifyingKey()}, {latter.VerifyingKey()}, {NewSecret().VerifyingKey(), latter.VerifyingKey()}} {
		if err := verifier(keys...).Verify(header, []byte(exampleBody)); err != nil {
			t.Error(err)
		}
	}
	if _, err := Sign(nil, exampleID, at, nil); err == nil {
		t.Error("no key signs")
	}
	if _, err := Sign(make([]SigningKey, maxSignatures+1), exampleID, at, nil); err == nil {
		t.Error("a receiver would refuse so many signatures")
	}
}

func TestKeysHaveOneText(t *testing.T) {
	for range 20 {
		for _, key := range []SigningKey{NewSecret(), NewPrivateKey()} {
			text := string(key.Text())
			again := signingKey(t, text)
			if again.Text() != key.Text() {
				t.Error("a key changes when it is read")
			}
			verifying := string(key.Text())
			if public, ok := key.VerifyingKey().Public(); ok {
				verifying = public
			}
			body := []byte(exampleBody)
			header, err := Header([]SigningKey{again}, exampleID, time.Unix(exampleSeconds, 0), body)
			if err != nil {
				t.Fatal(err)
			}
			if err := verifier(verifyingKey(t, verifying)).Verify(header, body); err != nil {
				t.Error(err)
			}
		}
	}
	known := map[string]bool{}
	for range 20 {
		known[string(NewSecret().Text())], known[string(NewPrivateKey().Text())] = true, true
	}
	if len(known) != 40 {
		t.Errorf("of 40 new keys, %d differ", len(known))
	}
}

func TestWrongKeys(t *testing.T) {
	in64 := func(prefix string, size int) string {
		return prefix + base64.StdEncoding.EncodeToString(make([]byte, size))
	}
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{in64("whsec_", 24), true}, {in64("whsec_", 64), true}, {in64("whsec_", 23), false}, {in64("whsec_", 65), false}, {"whsec_", false},
		{in64("whsk_", 32), true}, {in64("whsk_", 31), false}, {in64("whsk_", 33), false}, {in64("whsk_", 64), false}, {in64("whpk_", 32), false},
		{in64("", 32), false}, {in64("WHSEC_", 32), false}, {in64("whsec_", 32) + "\n", false}, {"whsec_\n" + in64("", 32), false}, {" " + in64("whsec_", 32), false},
		{strings.TrimRight(in64("whsec_", 32), "="), false}, {"whsec_" + strings.Repeat("A", 42) + "B=", false}, {"whsec_" + strings.Repeat("_", 44), false},
		{"", false}, {"geheim", false},
	} {
		_, err := ParseSigningKey(tt.text)
		if (err == nil) != tt.ok {
			t.Errorf("ParseSigningKey(%q) = %v", tt.text, err)
		}
		if err != nil && (strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "AAAA") || !strings.Contains(err.Error(), "write")) {
			t.Errorf("the error for %q is %v", tt.text, err)
		}
	}
	for _, text := range []string{in64("whpk_", 31), in64("whpk_", 33), in64("whsk_", 32), in64("whsec_", 23), "", "whpk_"} {
		if _, err := ParseVerifyingKey(text); err == nil {
			t.Errorf("ParseVerifyingKey(%q) is no error", text)
		}
	}
}

func TestLeak_KeysPrintNothing(t *testing.T) {
	for _, text := range []string{exampleSecret, examplePrivate} {
		key := signingKey(t, text)
		for _, value := range []any{key, key.VerifyingKey(), &key, key.Text()} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
				if got := fmt.Sprintf(verb, value); got != "REDACTED" {
					t.Errorf("%s of %T prints %q", verb, value, got)
				}
			}
			if got, err := json.Marshal(value); err != nil || string(got) != `"REDACTED"` {
				t.Errorf("%T is %s as JSON, %v", value, got, err)
			}
			var log strings.Builder
			slog.New(slog.NewTextHandler(&log, nil)).Info("", "key", value)
			if !strings.HasSuffix(log.String(), "key=REDACTED\n") {
				t.Errorf("%T is logged as %s", value, log.String())
			}
		}
	}
}

func TestKeySet(t *testing.T) {
	// The key of RFC 8037, appendix A, with its thumbprint.
	x, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	key := verifyingKey(t, "whpk_"+base64.StdEncoding.EncodeToString(x))
	want := `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",` +
		`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","public_key":"whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}]}`
	if got := string(KeySet([]VerifyingKey{key, verifyingKey(t, exampleSecret)})); got != want {
		t.Errorf("KeySet = %s, want %s", got, want)
	}
	if got := string(KeySet(nil)); got != `{"keys":[]}` {
		t.Errorf("KeySet of nothing = %s", got)
	}
}

func TestBody(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 0, 0, 500, time.FixedZone("", 3600))
	for _, tt := range []struct{ kind, data, want string }{
		{"orders.update", `{"id": 1, "name": "<b> & ü"}`, `{"type":"orders.update","timestamp":"2026-03-01T02:00:00.0000005Z","data":{"id":1,"name":"<b> & ü"}}`},
		{"a", `12345678901234567890`, `{"type":"a","timestamp":"2026-03-01T02:00:00.0000005Z","data":12345678901234567890}`},
		{"a", `{"id":1`, ""}, {"a", ``, ""}, {"a", "\"\xff\"", ""}, {"a", `{} {}`, ""}, {"a", `{},"x":1`, ""},
		{"", `{}`, ""}, {"a..b", `{}`, ""}, {".a", `{}`, ""}, {"a.", `{}`, ""}, {"a b", `{}`, ""}, {`a"`, `{}`, ""}, {"a-b", `{}`, ""}, {"ä", `{}`, ""}, {"a\n", `{}`, ""},
		{strings.Repeat("a", maxType+1), `{}`, ""},
	} {
		got, err := Event{Type: tt.kind, At: at, Data: json.RawMessage(tt.data)}.Body()
		if string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("Body of %q, %q = %s, %v, want %s", tt.kind, tt.data, got, err, tt.want)
		}
	}
}

func FuzzParseSigningKey(f *testing.F) {
	for _, seed := range []string{exampleSecret, examplePrivate, examplePublic, "whsec_", "whsk_AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseSigningKey(text)
		if err != nil {
			return
		}
		again := string(key.Text())
		isSeed := strings.HasPrefix(text, "whsk_") && len(text) < len(again) // written with its public key
		if again != text && !isSeed {
			t.Errorf("%q is read as %q", text, again)
		}
		if _, err := ParseSigningKey(again); err != nil {
			t.Errorf("%q: %v", again, err)
		}
	})
}

func FuzzParseVerifyingKey(f *testing.F) {
	for _, seed := range []string{exampleSecret, examplePublic, "whpk_", "whpk_AAAA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseVerifyingKey(text)
		if err != nil {
			return
		}
		if public, ok := key.Public(); ok && public != text {
			t.Errorf("%q is read as %q", text, public)
		}
	})
}

// Whatever the headers are, a message passes only with the true signature over exactly its parts.
func FuzzVerify(f *testing.F) {
	f.Add(exampleID, strconv.Itoa(exampleSeconds), exampleV1, exampleBody)
	f.Add(exampleID, strconv.Itoa(exampleSeconds), exampleV1a+" "+exampleV1, exampleBody)
	f.Add(exampleID, strconv.Itoa(exampleSeconds), exampleV1[:20], exampleBody)
	v := verifier(verifyingKey(f, exampleSecret), verifyingKey(f, examplePublic))
	f.Fuzz(func(t *testing.T, id, timestamp, signatures, body string) {
		header := http.Header{IDHeader: {id}, TimestampHeader: {timestamp}, SignatureHeader: {signatures}}
		if v.Verify(header, []byte(body)) != nil {
			return
		}
		list := strings.Split(signatures, " ")
		isTrue := false
		for _, signature := range list {
			isTrue = isTrue || signature == exampleV1 || signature == exampleV1a
		}
		if !isTrue || id != exampleID || timestamp != strconv.Itoa(exampleSeconds) || body != exampleBody {
			t.Errorf("id %q, timestamp %q, signatures %q, body %q pass", id, timestamp, signatures, body)
		}
	})
}
