package totp

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/qr.svg")

// TestQR compares with a file whose code several readers understood.
func TestQR(t *testing.T) {
	got, err := QR(rfcSecret().URI("Careers", "ann@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/qr.svg", []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/qr.svg")
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.TrimSuffix(string(want), "\n") {
		t.Error("the code differs from testdata/qr.svg: read it with a phone, then run the test with -update")
	}
}

func TestQRIsInertXML(t *testing.T) {
	got, err := QR(`"><script>alert(1)</script>`)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^<svg xmlns="http://www.w3.org/2000/svg" viewBox="[0-9 ]+" shape-rendering="crispEdges">` +
		`<path fill="#fff" d="[MhvHz0-9 -]+"/><path d="[Mhvz0-9 -]+"/></svg>$`).MatchString(got) {
		t.Errorf("QR = %s", got)
	}
	for parts := xml.NewDecoder(strings.NewReader(got)); ; {
		if _, err := parts.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestQROfTooLongText(t *testing.T) {
	if got, err := QR(strings.Repeat("x", 5000)); err == nil || got != "" {
		t.Errorf("QR = %.80s, %v", got, err)
	}
	if _, err := QR(rfcSecret().URI(strings.Repeat("🐎", 500), strings.Repeat("🐎", 500))); err != nil {
		t.Errorf("long names: %v", err)
	}
}
