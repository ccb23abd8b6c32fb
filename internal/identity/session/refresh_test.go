package session

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"testing"
	"unicode"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func testCodec() *Codec {
	var key [32]byte
	copy(key[:], "a key of a test, nothing else has")
	return NewCodec(key)
}

// drawRefresh makes contents of tokens.
func drawRefresh(t *rapid.T) Refresh {
	id := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "session"))
	return Refresh{Session: id.String(), Counter: rapid.Uint32Range(1, math.MaxUint32).Draw(t, "counter")}
}

func TestTokensRoundTrip(t *testing.T) {
	codec := testCodec()
	rapid.Check(t, func(t *rapid.T) {
		want := drawRefresh(t)
		text := codec.Encode(want)
		if len(text) != textSize {
			t.Errorf("the token has %d bytes, want %d", len(text), textSize)
		}
		if got, err := codec.Decode(text); err != nil || got != want {
			t.Errorf("Decode(Encode(%v)) = %v, %v", want, got, err)
		}
	})
}

// TestTokenOfVersion1 pins the form: tokens of an earlier release must stay readable.
func TestTokenOfVersion1(t *testing.T) {
	const text = "AQGPAAAAAHAAgAAAAAAAAKEAAAAHmKAFM-0qLtQ8c8BGFK5fHjrBS6Y"
	want := Refresh{Session: "018f0000-0000-7000-8000-0000000000a1", Counter: 7}
	if got := testCodec().Encode(want); got != text {
		t.Errorf("Encode = %s, want %s", got, text)
	}
	if got, err := testCodec().Decode(text); err != nil || got != want {
		t.Errorf("Decode = %v, %v", got, err)
	}
}

// altered returns texts that differ from a token in every way that a cut, a typing error or a careless reader could bring.
func altered(token string) map[string]string {
	all := map[string]string{
		"upper case": strings.ToUpper(token), "lower case": strings.ToLower(token), "twice": token + token,
		"quoted": `"` + token + `"`, "percent": strings.Replace(token, token[:1], fmt.Sprintf("%%%02X", token[0]), 1),
	}
	for i := range len(token) {
		all[fmt.Sprint("prefix ", i)] = token[:i]
		all[fmt.Sprint("suffix ", i)] = token[i+1:]
		all[fmt.Sprint("without ", i)] = token[:i] + token[i+1:]
		for bit := range 8 {
			text := []byte(token)
			text[i] ^= 1 << bit
			all[fmt.Sprint("bit ", i, " ", bit)] = string(text)
		}
		if r := rune(token[i]); unicode.IsLetter(r) {
			all[fmt.Sprint("case ", i)] = token[:i] + string(r^0x20) + token[i+1:]
		}
		for _, c := range base64Letters {
			all[fmt.Sprint("letter ", i, " ", string(c))] = token[:i] + string(c) + token[i+1:]
		}
	}
	for _, more := range []string{"=", "==", " ", "\n", "\r\n", "\t", "\x00", "A", ".", "\u00a0"} {
		for i := range len(token) + 1 {
			all[fmt.Sprintf("%q at %d", more, i)] = token[:i] + more + token[i:]
			if i+len(more) <= len(token) {
				all[fmt.Sprintf("%q over %d", more, i)] = token[:i] + more + token[i+len(more):]
			}
		}
	}
	for name, text := range all {
		if text == token {
			delete(all, name)
		}
	}
	return all
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"

func TestDecodeRefusesEveryOtherText(t *testing.T) {
	effort.SkipRaced(t)
	codec := testCodec()
	rapid.Check(t, func(t *rapid.T) {
		token := codec.Encode(drawRefresh(t))
		for name, text := range altered(token) {
			if got, err := codec.Decode(text); err == nil || got != (Refresh{}) {
				t.Fatalf("%s: Decode(%q) = %v, %v; the token is %q", name, text, got, err, token)
			}
		}
	})
}

// TestDecodeRefusesForgedBytes changes bytes as somebody would who knows the checksum but not the key.
func TestDecodeRefusesForgedBytes(t *testing.T) {
	codec := testCodec()
	rapid.Check(t, func(t *rapid.T) {
		bytes, err := base64.RawURLEncoding.DecodeString(codec.Encode(drawRefresh(t)))
		if err != nil {
			t.Fatal(err)
		}
		for at := range checksumStart {
			for bit := range 8 {
				forged := append([]byte{}, bytes[:checksumStart]...)
				forged[at] ^= 1 << bit
				forged = binary.BigEndian.AppendUint32(forged, crc32.ChecksumIEEE(forged))
				if _, err := codec.Decode(base64.RawURLEncoding.EncodeToString(forged)); err == nil {
					t.Fatalf("byte %d, bit %d: Decode accepts a forged token", at, bit)
				}
			}
		}
	})
}

func TestTokensOfAnotherKeyAreRefused(t *testing.T) {
	var key [32]byte
	_, _ = rand.Read(key[:])
	text := NewCodec(key).Encode(Refresh{Session: uuid.NewString(), Counter: 1})
	if _, err := testCodec().Decode(text); err == nil {
		t.Error("Decode accepts the token of another key")
	}
}

func TestEncodePanicsOnOurOwnBugs(t *testing.T) {
	for _, r := range []Refresh{{}, {Session: "7", Counter: 1}, {Session: uuid.NewString()}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Encode(%v) does not panic", r)
				}
			}()
			testCodec().Encode(r)
		}()
	}
}

func TestCodecDoesNotPrint(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, testCodec()); got != "REDACTED" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	codec := testCodec()
	token := codec.Encode(Refresh{Session: "018f0000-0000-7000-8000-0000000000a1", Counter: 7})
	f.Add(token)
	f.Add(strings.Repeat("A", textSize))
	f.Add(strings.Repeat("\n", textSize))
	f.Fuzz(func(t *testing.T, text string) {
		got, err := codec.Decode(text)
		if err == nil && codec.Encode(got) != text {
			t.Errorf("Decode(%q) = %v, which has the text %q", text, got, codec.Encode(got))
		}
	})
}
