package password

import (
	"bufio"
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

var lists = flag.String("lists", "", "files of common passwords, the most common first, with commas between; TestWriteFilter makes the filter of them")

// Size of the filter: this many passwords in this many bytes.
const (
	listed     = 128_000
	filterSize = 300_000
)

// Passwords shorter than usual are listed only if they are very common: people add digits to them.
const (
	shortListed = 30_000 // lines of the lists that count
	minShort    = 6
	minListed   = 8
)

// TestWriteFilter writes filter.bloom from lists of passwords, one a line:
//
//	go test ./internal/identity/password -run TestWriteFilter -lists first.txt,second.txt
func TestWriteFilter(t *testing.T) {
	if *lists == "" {
		t.Skip("no -lists")
	}
	made, known := make([]byte, filterSize), map[string]bool{}
	for _, path := range strings.Split(*lists, ",") {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for number := 0; lines.Scan() && len(known) < listed; number++ {
			password := strings.ToLower(norm.NFC.String(lines.Text()))
			length := utf8.RuneCountInString(password)
			if !utf8.ValidString(password) || length < minShort || (length < minListed && number >= shortListed) {
				continue
			}
			known[password] = true
			for _, bit := range bitsOf(password, filterSize*8) {
				made[bit/8] |= 1 << (bit % 8)
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d passwords", len(known))
	if err := os.WriteFile("filter.bloom", made, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCommonPasswordsAreListed(t *testing.T) {
	for _, password := range strings.Fields(`password 12345678 123456789 1234567890 qwertyuiop iloveyou sunshine princess football baseball
		trustno1 superman password1 password123 1q2w3e4r 1qaz2wsx qwerty123 11111111 letmein1 welcome1 jordan23 michelle
		computer corvette starwars liverpool basketball jennifer butterfly internet monkey dragon qwerty abc123 master`) {
		if !isListed(password) {
			t.Errorf("%q is not listed", password)
		}
	}
}

func TestFewOtherPasswordsAreListed(t *testing.T) {
	const tries, letters = 200_000, "abcdefghijklmnopqrstuvwxyz0123456789"
	found, random := 0, rand.New(rand.NewPCG(1, 2))
	for range tries {
		var text [14]byte
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		if isListed(string(text[:])) {
			found++
		}
	}
	if found > tries/4000 {
		t.Errorf("%d of %d passwords made at random are listed", found, tries)
	}
}
