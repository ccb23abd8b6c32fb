package mail

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestCheckAddress(t *testing.T) {
	local, domain := strings.Repeat("l", 64), strings.Repeat("d", 63)
	long := local + "@" + domain + "." + domain + "." + domain[:61]
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"ada@example.com", true},
		{"ada+tag@example.com", true},
		{"o'neil@example.com", true},
		{"ada@localhost", true},
		{"jürgen@müller.example", true},
		{"用户@例子.广告", true},
		{long, len(long) == 254},
		{long + "x", false},
		{local + "l@example.com", false},
		{"", false},
		{"ada", false},
		{"@example.com", false},
		{"ada@", false},
		{"ada@@example.com", false},
		{"Ada <ada@example.com>", false},
		{"<ada@example.com>", false},
		{`"a b"@example.com`, false},
		{"ada@[192.0.2.1]", false},
		{"ada@example.com, eve@example.com", false},
		{"ada@example.com\r\nBcc: eve@example.com", false},
		{"ada@example.com\n", false},
		{"ada\x00@example.com", false},
		{"ada\u202e@example.com", false},
		{"ada\xff@example.com", false},
		{" ada@example.com", false},
		{"ada(comment)@example.com", false},
	} {
		err := CheckAddress(tt.text)
		if (err == nil) != tt.ok || (err != nil && errs.KindOf(err) != errs.Invalid) {
			t.Errorf("CheckAddress(%q) = %v, want ok %t", tt.text, err, tt.ok)
		}
	}
}

func TestParseFrom(t *testing.T) {
	for text, want := range map[string]string{
		"Careers <no-reply@example.com>":            `"Careers" <no-reply@example.com>`,
		"no-reply@example.com":                      "<no-reply@example.com>",
		"=?utf-8?q?A=0d=0aBcc:_x?= <a@example.com>": "",
		"a@example.com, b@example.com":              "",
		"Careers":                                   "",
	} {
		from, err := ParseFrom(text)
		if got := from.address.String(); (err == nil) != (want != "") || (err == nil && got != want) {
			t.Errorf("ParseFrom(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
}

func FuzzAddressesAreOneHeader(f *testing.F) {
	f.Add("ada@example.com")
	f.Add("\"a\r\nb\"@example.com")
	f.Add("jürgen@müller.example")
	f.Fuzz(func(t *testing.T, text string) {
		if CheckAddress(text) != nil {
			return
		}
		written := (&mail.Address{Address: text}).String()
		all, err := mail.ParseAddressList(written)
		if err != nil || len(all) != 1 || all[0].Address != text || strings.ContainsAny(written, "\r\n") {
			t.Errorf("%q is written as %q and read as %v, %v", text, written, all, err)
		}
	})
}
