package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

const listenHelp = `Listen receives the messages of webhooks on this machine and prints them, for development.
It says of each message whether its signature is right.

A server calls public addresses only. Start it with --allow-private 127.0.0.1, and register
the address that listen prints as an endpoint.`

const listenExample = `  ashlar serve --allow-private 127.0.0.1 examples/careers
  ashlar webhook listen --keys http://127.0.0.1:8080/.well-known/webhook-keys.json
  ashlar webhook listen --port 9000 --secret "$SECRET" --fail 500`

func newWebhook() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Receive webhooks during development",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newListen())
	return cmd
}

// listener receives messages.
type listener struct {
	port    int
	secrets []string
	keys    string
	status  int

	mu       sync.Mutex
	verifier *webhook.Verifier // nil: there are no keys
	out      io.Writer
}

func newListen() *cobra.Command {
	l := &listener{}
	cmd := &cobra.Command{
		Use:     "listen",
		Short:   "Print the messages of webhooks",
		Long:    listenHelp,
		Example: listenExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if l.port < 0 || l.port > 65535 {
				return usage(cmd, "--port must be from 0 to 65535")
			}
			if l.status < 200 || l.status > 599 {
				return usage(cmd, "--fail must be a status from 200 to 599, such as 500 or 410")
			}
			ctx, stop := untilSignal(cmd)
			defer stop()
			l.out = cmd.OutOrStdout()
			return l.run(ctx)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&l.port, "port", 9000, "`port` on 127.0.0.1; 0 takes a free one")
	flags.StringArrayVar(&l.secrets, "secret", nil, "`secret` of the endpoint, which begins with whsec_, or a public key, which begins with whpk_; may be repeated")
	flags.StringVar(&l.keys, "keys", "", "`URL` of the public keys of a server: its /.well-known/webhook-keys.json")
	flags.IntVar(&l.status, "fail", http.StatusOK, "`status` of the answers")
	return cmd
}

// run listens until ctx ends.
func (l *listener) run(ctx context.Context) error {
	keys, err := l.readKeys(ctx)
	if err != nil {
		return err
	}
	if len(keys) > 0 {
		l.verifier = &webhook.Verifier{Keys: keys}
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(l.port)))
	if err != nil {
		return fmt.Errorf("cannot listen: %w; another --port may be free", err)
	}
	fmt.Fprintf(l.out, "listening at http://%s/\n", ln.Addr())
	server := &http.Server{Handler: l, ReadTimeout: listenTime, WriteTimeout: listenTime}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

const (
	listenTime  = 30 * time.Second
	maxReceived = 1 << 20 // bytes of a message
)

// readKeys returns the keys of the flags.
func (l *listener) readKeys(ctx context.Context) (keys []webhook.VerifyingKey, err error) {
	for _, text := range l.secrets {
		key, err := webhook.ParseVerifyingKey(text)
		if err != nil {
			return nil, fmt.Errorf("--secret: %w", err)
		}
		keys = append(keys, key)
	}
	if l.keys == "" {
		return keys, nil
	}
	from, err := url.Parse(l.keys)
	if err != nil || from.Host == "" {
		return nil, errors.New("--keys: write an address such as http://127.0.0.1:8080/.well-known/webhook-keys.json")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.keys, nil)
	if err != nil {
		return nil, fmt.Errorf("--keys: %w", err)
	}
	client := outbound.New(outbound.Config{}).Client(outbound.Use{Given: []string{outbound.GivenHost(from)}})
	answer, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("--keys: %w", outbound.Cause(err))
	}
	defer func() { _ = answer.Body.Close() }()
	var set struct {
		Keys []struct {
			Text string `json:"public_key"`
		} `json:"keys"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("--keys: the answer with the status %d is no set of keys; does the model of the server have webhooks?", answer.StatusCode)
	}
	for _, one := range set.Keys {
		key, err := webhook.ParseVerifyingKey(one.Text)
		if err != nil {
			return nil, fmt.Errorf("--keys: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// ServeHTTP prints one message.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReceived))
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "\n%s %s %s\n", time.Now().Format(time.TimeOnly), r.Method, r.URL.RequestURI())
	var names []string
	for name := range r.Header {
		if strings.HasPrefix(name, "Webhook-") || name == "Content-Type" || name == "User-Agent" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(l.out, "%s: %s\n", strings.ToLower(name), printable(strings.Join(r.Header[name], ", ")))
	}
	fmt.Fprintf(l.out, "signature: %s\n%s\n", l.judge(r.Header, body, err), printable(string(body)))
	w.WriteHeader(l.status)
	if l.status != http.StatusOK {
		fmt.Fprintf(l.out, "answered %d\n", l.status)
	}
}

// judge says whether a signature is right.
func (l *listener) judge(header http.Header, body []byte, err error) string {
	switch {
	case err != nil:
		return "not verified, because the body could not be read: " + err.Error()
	case l.verifier == nil:
		return "not verified: --secret or --keys names a key"
	}
	if err := l.verifier.Verify(header, body); err != nil {
		return "WRONG: " + err.Error()
	}
	return "right"
}

// printable drops control characters, which could change what a terminal shows.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		isControl := r < ' ' || (r >= 0x7f && r < 0xa0)
		if isControl && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, text)
}
