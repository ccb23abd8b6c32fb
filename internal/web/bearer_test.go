package web

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
)

// verifyGood takes the token "good" and refuses all others.
func verifyGood(token string) (caller.Caller, error) {
	if token != "good" {
		return caller.Caller{}, errs.New(errs.Unauthenticated, "the token is not valid")
	}
	return caller.User(caller.Identity{ID: "u"}), nil
}

func TestBearer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
		want   string // "" where it is refused
	}{
		{"no header", nil, "anonymous"},
		{"bearer", []string{"Bearer good"}, "user:u"},
		{"lower case", []string{"bearer good"}, "user:u"},
		{"upper case", []string{"BEARER good"}, "user:u"},
		{"empty", []string{""}, ""},
		{"a blank", []string{" "}, ""},
		{"scheme alone", []string{"Bearer"}, ""},
		{"scheme and blank", []string{"Bearer "}, ""},
		{"two blanks", []string{"Bearer  good"}, ""},
		{"a tab", []string{"Bearer\tgood"}, ""},
		{"token alone", []string{"good"}, ""},
		{"basic", []string{"Basic dTpw"}, ""},
		{"another scheme", []string{"Token good"}, ""},
		{"two headers", []string{"Bearer good", "Bearer good"}, ""},
		{"two tokens", []string{"Bearer good, Bearer good"}, ""},
		{"a parameter", []string{"Bearer good x=1"}, ""},
		{"quoted", []string{`Bearer "good"`}, ""},
		{"null", []string{"Bearer null"}, ""},
		{"undefined", []string{"Bearer undefined"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{}}
			if tt.header != nil {
				r.Header["Authorization"] = tt.header
			}
			who, err := Bearer(verifyGood)(r)
			switch {
			case tt.want != "" && (err != nil || who.String() != tt.want):
				t.Errorf("Bearer = %v, %v; want %s", who, err, tt.want)
			case tt.want == "" && (errs.KindOf(err) != errs.Unauthenticated || !who.IsAnonymous()):
				t.Errorf("Bearer = %v, %v; want unauthenticated", who, err)
			}
		})
	}
}

func TestTokenIsNotReadFromElsewhere(t *testing.T) {
	r, err := http.NewRequest("GET", "http://x/?access_token=good&token=good", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "token", Value: "good"})
	r.Header.Set("X-Authorization", "Bearer good")
	who, err := Bearer(verifyGood)(r)
	if err != nil || !who.IsAnonymous() {
		t.Errorf("Bearer = %v, %v; want anonymous", who, err)
	}
}

// FuzzBearer sends values of the Authorization header to a verifier of real tokens.
func FuzzBearer(f *testing.F) {
	keys, err := token.Open(filepath.Join(f.TempDir(), "key.pem"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := keys.Sign(caller.Identity{ID: "u"}, time.Hour, time.Now())
	if err != nil {
		f.Fatal(err)
	}
	for _, value := range []string{"Bearer " + good, "bearer " + good[:len(good)-1], "Bearer a.b.c", "Basic dTpw", "Bearer", "", "Bearer " + good + "="} {
		f.Add(value)
	}
	identify := Bearer(token.NewVerifier(keys, token.Config{}).Verify)
	f.Fuzz(func(t *testing.T, value string) {
		who, err := identify(&http.Request{Header: http.Header{"Authorization": {value}}})
		scheme, text, _ := strings.Cut(value, " ")
		isGood := strings.EqualFold(scheme, "Bearer") && text == good
		switch {
		case isGood && (err != nil || who.String() != "user:u"):
			t.Errorf("the good token gives %v, %v", who, err)
		case !isGood && (errs.KindOf(err) != errs.Unauthenticated || !who.IsAnonymous()):
			t.Errorf("%q gives %v, %v; want unauthenticated", value, who, err)
		}
	})
}
