package password

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// small is fast enough for many tests.
func small() *Hasher { return NewHasher(Config{Memory: 64, Passes: 1}) }

var nobody caller.Client

func TestHashesVerify(t *testing.T) {
	h := small()
	for _, password := range []string{"correct horse battery", "пароль для сайта", "", "with\x00zero", strings.Repeat("long ", 50), "\xff\xfe"} {
		phc, err := h.Hash(t.Context(), nobody, password)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$") {
			t.Errorf("Hash(%q) = %s", password, phc)
		}
		if ok, rehash, err := h.Verify(t.Context(), nobody, phc, password); !ok || rehash || err != nil {
			t.Errorf("Verify(%q) = %v, %v, %v", password, ok, rehash, err)
		}
		for _, other := range []string{password + "x", strings.ToUpper(password) + "!", "x"} {
			if ok, rehash, err := h.Verify(t.Context(), nobody, phc, other); ok || rehash || err != nil {
				t.Errorf("Verify(%q) for the hash of %q = %v, %v, %v", other, password, ok, rehash, err)
			}
		}
	}
}

func TestHashesOfOnePasswordDiffer(t *testing.T) {
	h := small()
	first, err := h.Hash(t.Context(), nobody, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := h.Hash(t.Context(), nobody, "correct horse"); err != nil || second == first {
		t.Errorf("Hash twice = %s, %v", second, err)
	}
}

func TestDefaultParameters(t *testing.T) {
	phc, err := NewHasher(Config{}).Hash(t.Context(), nobody, "correct horse")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") || len(phc) != 97 {
		t.Errorf("Hash = %s, %v", phc, err)
	}
}

// TestNoHashCostsAsMuch: an attacker must not learn from the time which accounts exist. The memory that Verify takes tells
// whether it worked.
func TestNoHashCostsAsMuch(t *testing.T) {
	phc, err := NewHasher(Config{Memory: 4 << 10, Passes: 1}).Hash(t.Context(), nobody, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"wrong horse", "", norm.NFD.String("ein Pferd mit Äpfeln")} {
		for name, stored := range map[string]string{"known": phc, "unknown": ""} {
			h, used := NewHasher(Config{Memory: 4 << 10, Passes: 1}), 0
			h.memory.lend = func(count int) ([]block, func()) {
				used += count
				return heapBlocks(count)
			}
			if ok, rehash, err := h.Verify(t.Context(), nobody, stored, password); ok || rehash || err != nil {
				t.Fatalf("%s: Verify = %v, %v, %v", name, ok, rehash, err)
			}
			if want := tried(password) * 4 << 10; used != want {
				t.Errorf("%q, %s: %d blocks used, want %d", password, name, used, want)
			}
		}
	}
}

// tried returns how often Verify compares a wrong password: the forms of it that differ.
func tried(password string) int {
	if norm.NFC.IsNormalString(password) {
		return 1
	}
	return 2
}

// allocated returns the bytes that a function allocates.
func allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestFormsOfOnePasswordHashAlike(t *testing.T) {
	h := small()
	const typed = "ein Pferd mit Äpfeln"
	phc, err := h.Hash(t.Context(), nobody, norm.NFD.String(typed))
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]string{"NFC": norm.NFC.String(typed), "NFD": norm.NFD.String(typed)} {
		if ok, _, err := h.Verify(t.Context(), nobody, phc, form); !ok || err != nil {
			t.Errorf("%s: Verify = %v, %v", name, ok, err)
		}
	}
	compatible := norm.NFKC.String("ﬁne horses") // another password: NFC keeps the ligature apart
	phc, err = h.Hash(t.Context(), nobody, "ﬁne horses")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.Verify(t.Context(), nobody, phc, compatible); ok || err != nil {
		t.Errorf("Verify of the NFKC form = %v, %v", ok, err)
	}
}

// vector is a hash of another system.
type vector struct{ name, phc, password string }

func vectors() []vector {
	const horse = "correct horse"
	b64 := base64.RawStdEncoding
	fromHex := func(text string) string {
		key, err := hex.DecodeString(text)
		if err != nil {
			panic(err)
		}
		return b64.EncodeToString(key)
	}
	return []vector{
		{"argon2i of its reference", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA", "password"},
		{"argon2id of its reference", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		{"argon2id of argon2-cffi", "$argon2id$v=19$m=64,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$0CZqMZ1QBMaHQj3p+a9jDiwNcLoLHu6N5jg73q6A/M4", horse},
		{"argon2i of argon2-cffi", "$argon2i$v=19$m=64,t=1,p=2$MDEyMzQ1Njc4OWFiY2RlZg$AqSogcMa86rVhB95aP+exWxZxiuRzWYD", horse},
		{"argon2 of Django", "argon2$argon2id$v=19$m=64,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$0CZqMZ1QBMaHQj3p+a9jDiwNcLoLHu6N5jg73q6A/M4", horse},
		{"bcrypt of crypt_blowfish", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"bcrypt of crypt_blowfish, empty", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
		{"bcrypt 2y of crypt_blowfish", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", "\xa3"},
		{"bcrypt 2b", "$2b$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC", "pässwörd"},
		{"bcrypt of Django", "bcrypt$$2b$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC", "pässwörd"},
		{"scrypt of passlib", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "password"},
		{"scrypt of RFC 7914", "$scrypt$ln=10,r=8,p=16$" + b64.EncodeToString([]byte("NaCl")) + "$" + fromHex("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"), "password"},
		{"scrypt of Django", "scrypt$1024$seasalt$8$5$U5L/E4s8HSw/x7c2z5Ose/wRS4Ex+nZFwhoeVl7Y/Ivmfxi7M91P9jpq7MYsDfV9WCzv+HMsQaovdkOikEuBXg==", horse},
		{"pbkdf2-sha256 of RFC 7914", "$pbkdf2-sha256$80000$" + b64.EncodeToString([]byte("NaCl")) + "$" + strings.ReplaceAll(fromHex("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"), "+", "."), "Password"},
		{"pbkdf2-sha512 of passlib", "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa.ks4TP71JiecwuSZCG8iLbnlIEPOMoVX.i2B2wkSxjQ8CRGR9OkNGuIPMQ", horse},
		{"pbkdf2 of passlib", "$pbkdf2$1000$MDEyMzQ1Njc4OWFiY2RlZg$aUfE2vx5Q7zgbb0jx49AaNpXUQQ", horse},
		{"pbkdf2_sha256 of Django", "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=", horse},
		{"pbkdf2_sha1 of Django", "pbkdf2_sha1$1000$seasalt$iQvkNOF1wEL4Khh8eogJ8rUhipM=", horse},
	}
}

func TestHashesOfOtherSystemsVerify(t *testing.T) {
	effort.SkipRaced(t)
	h := small()
	for _, tt := range vectors() {
		t.Run(tt.name, func(t *testing.T) {
			if ok, rehash, err := h.Verify(t.Context(), nobody, tt.phc, tt.password); !ok || !rehash || err != nil {
				t.Errorf("Verify = %v, %v, %v, want true, true", ok, rehash, err)
			}
			if ok, rehash, err := h.Verify(t.Context(), nobody, tt.phc, tt.password+"x"); ok || rehash || err != nil {
				t.Errorf("Verify of another password = %v, %v, %v", ok, rehash, err)
			}
		})
	}
}

// TestOtherSystemsHashWhatTheyGet: the hash is of the decomposed form.
func TestOtherSystemsHashWhatTheyGet(t *testing.T) {
	h, password := small(), norm.NFD.String("ein Pferd mit Äpfeln")
	foreign := argon2Hash{argon2Params: h.params, salt: []byte("0123456789abcdef")}
	foreign.key = h.memory.derive(foreign, []byte(password), keySize)
	if ok, _, err := h.Verify(t.Context(), nobody, foreign.String(), password); !ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

func TestRehashWhenParametersDiffer(t *testing.T) {
	phc, err := small().Hash(t.Context(), nobody, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]*Hasher{
		"memory": NewHasher(Config{Memory: 65, Passes: 1}), "passes": NewHasher(Config{Memory: 64, Passes: 2}),
		"lanes": NewHasher(Config{Memory: 64, Passes: 1, Lanes: 2}),
	} {
		if ok, rehash, err := h.Verify(t.Context(), nobody, phc, "correct horse"); !ok || !rehash || err != nil {
			t.Errorf("%s: Verify = %v, %v, %v", name, ok, rehash, err)
		}
	}
}

func TestUnreadableHashesAreRefused(t *testing.T) {
	const salt, key = "MDEyMzQ1Njc4OWFiY2RlZg", "0CZqMZ1QBMaHQj3p+a9jDiwNcLoLHu6N5jg73q6A/M4"
	for _, tt := range []struct {
		phc  string
		want error
	}{
		{"x", errForm},
		{"$1$salt$key", errForm},
		{"{SSHA}abc", errForm},
		{"$argon2d$v=19$m=64,t=3,p=4$" + salt + "$" + key, errForm},
		{"$argon2id$v=16$m=64,t=3,p=4$" + salt + "$" + key, errForm},
		{"$argon2id$m=64,t=3,p=4$" + salt + "$" + key, errForm},
		{"$argon2id$v=19$m=64,t=3,p=4,data=x$" + salt + "$" + key, errForm},
		{"$argon2id$v=19$t=3,m=64,p=4$" + salt + "$" + key, errForm},
		{"$argon2id$v=19$m=064,t=3,p=4$" + salt + "$" + key, errForm},
		{"$argon2id$v=19$m=64,t=3,p=4$" + salt + "$" + key + "$", errForm},
		{"$argon2id$v=19$m=64,t=3,p=4$" + salt + "$" + key + "=", errForm},
		{"$argon2id$v=19$m=64,t=3,p=4$" + salt + "$\n" + key, errForm},
		{"$argon2id$v=19$m=64,t=3,p=4$" + salt + "$AAAA", errForm},
		{"$argon2id$v=19$m=64,t=3,p=4$" + salt + "$", errForm},
		{"$argon2id$v=19$m=262145,t=1,p=1$" + salt + "$" + key, errBounds},
		{"$argon2id$v=19$m=262144,t=5,p=1$" + salt + "$" + key, errBounds},
		{"$argon2id$v=19$m=64,t=257,p=1$" + salt + "$" + key, errBounds},
		{"$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + key, errBounds},
		{"$argon2id$v=19$m=8,t=1,p=2$" + salt + "$" + key, errBounds},
		{"$argon2id$v=19$m=1024,t=1,p=17$" + salt + "$" + key, errBounds},
		{"$argon2id$v=19$m=99999999999,t=1,p=1$" + salt + "$" + key, errForm},
		{"$2a$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", errBounds},
		{"$2a$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", errForm},
		{"$2a$05$CCCC", errForm},
		{"$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", errForm},
		{"bcrypt$$2a$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", errBounds},
		{"bcrypt$", errForm},
		{"argon2$argon2d$v=19$m=64,t=3,p=4$" + salt + "$" + key, errForm},
		{"$scrypt$ln=21,r=8,p=1$" + salt + "$" + key, errBounds},
		{"$scrypt$ln=18,r=16,p=1$" + salt + "$" + key, errBounds},
		{"$scrypt$ln=16,r=8,p=9$" + salt + "$" + key, errBounds},
		{"$scrypt$ln=16,r=8,p=1$" + salt, errForm},
		{"scrypt$1000$seasalt$8$5$" + key + "=", errBounds},
		{"scrypt$2097152$seasalt$1$1$" + key + "=", errBounds},
		{"scrypt$16777216$seasalt$16777216$16777216$" + key + "=", errBounds},
		{"$pbkdf2-sha256$5000001$" + salt + "$" + strings.ReplaceAll(key, "+", "."), errBounds},
		{"$pbkdf2-sha256$1000$" + salt + "$" + key, errForm}, // a plus sign
		{"pbkdf2_sha256$0$seasalt$" + key + "=", errBounds},
		{"pbkdf2_sha256$1000$seasalt$" + key, errForm},
		{"$argon2id$" + strings.Repeat("x", maxText), errForm},
	} {
		if ok, rehash, err := small().Verify(t.Context(), nobody, tt.phc, "correct horse"); ok || rehash || err == nil || !strings.HasSuffix(err.Error(), tt.want.Error()) {
			t.Errorf("Verify for %s = %v, %v, %v, want %v", tt.phc, ok, rehash, err, tt.want)
		}
	}
	if !strings.Contains(errForm.Error(), Supported) {
		t.Error("the error does not name what is supported")
	}
}

func TestHugePasswordsCostNothing(t *testing.T) {
	if ok, _, err := NewHasher(Config{}).Verify(t.Context(), nobody, "", strings.Repeat("x", maxTyped+1)); ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

// FuzzParse checks that hashes within the bounds can be verified, and that argon2 has one text. It verifies only cheap ones.
func FuzzParse(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.phc)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parse(text)
		if err != nil {
			return
		}
		switch h := parsed.(type) {
		case argon2Hash:
			if h.String() != text && "argon2"+h.String() != text {
				t.Errorf("parse(%q) has the text %q", text, h)
			}
			if h.memory*h.passes <= 1<<10 {
				h.verify([]byte("x"), &memory{lend: mapBlocks})
			}
		case scryptHash:
			if h.cost*h.block*h.lanes <= 1<<12 {
				h.verify([]byte("x"), &memory{lend: mapBlocks})
			}
		case pbkdf2Hash:
			if h.iterations <= 1000 {
				h.verify([]byte("x"), &memory{lend: mapBlocks})
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := NewHasher(Config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := h.Hash(b.Context(), nobody, "correct horse"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func ExampleHasher_Verify() {
	h := NewHasher(Config{})
	ok, rehash, err := h.Verify(context.Background(), caller.Client{}, "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=", "correct horse")
	fmt.Println(ok, rehash, err)
	// Output: true true <nil>
}
