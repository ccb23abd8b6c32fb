// Command peer signs and verifies with the library of Standard Webhooks for Go. It reads a question per line and writes an
// answer per line, see TestPeersAgree.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type question struct {
	Operation string            `json:"operation"` // name, sign or verify
	Key       string            `json:"key"`
	ID        string            `json:"id"`
	Timestamp int64             `json:"timestamp"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
}

type answer struct {
	Name      string `json:"name,omitempty"`
	Signature string `json:"signature,omitempty"`
	Verified  bool   `json:"verified"`
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var q question
		err := in.Decode(&q)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		a, err := reply(q)
		if err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(a); err != nil {
			log.Fatal(err)
		}
	}
}

func reply(q question) (answer, error) {
	if q.Operation == "name" {
		return answer{Name: "Go"}, nil
	}
	library, err := standardwebhooks.NewWebhook(q.Key)
	if err != nil {
		return answer{}, err
	}
	if q.Operation == "sign" {
		signature, err := library.Sign(q.ID, time.Unix(q.Timestamp, 0), []byte(q.Body))
		return answer{Signature: signature}, err
	}
	header := http.Header{}
	for name, value := range q.Headers {
		header.Set(name, value)
	}
	return answer{Verified: library.Verify([]byte(q.Body), header) == nil}, nil
}
