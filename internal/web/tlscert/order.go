package tlscert

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// The names of challenges.
const (
	alpnChallenge = "tls-alpn-01"
	httpChallenge = "http-01"
)

// order gets a certificate for a name. A challenge that fails spoils its order, so the second one needs a new order.
func (a *ACME) order(ctx context.Context, name string) (*tls.Certificate, error) {
	client, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	kinds := []string{alpnChallenge}
	if a.cfg.HTTP {
		kinds = append(kinds, httpChallenge)
	}
	var failures []error
	for _, kind := range kinds {
		pair, err := a.orderBy(ctx, client, name, kind)
		if err == nil {
			return pair, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", kind, err))
		if !isRefusal(err) {
			break // the other challenge would not help
		}
	}
	return nil, errors.Join(failures...)
}

// errNoChallenge says that an authority does not offer a challenge.
var errNoChallenge = errors.New("the authority does not offer this challenge")

// isRefusal reports whether an authority looked at this server and was not content.
func isRefusal(err error) bool {
	_, isAuthorization := errors.AsType[*acme.AuthorizationError](err)
	return isAuthorization || errors.Is(err, errNoChallenge)
}

func (a *ACME) orderBy(ctx context.Context, client *acme.Client, name, kind string) (*tls.Certificate, error) {
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(name))
	if err != nil {
		return nil, err
	}
	for _, address := range order.AuthzURLs {
		if err := a.authorize(ctx, client, address, name, kind); err != nil {
			return nil, err
		}
	}
	address := order.URI
	if order, err = client.WaitOrder(ctx, address); err != nil {
		return nil, err
	}
	return finish(ctx, client, order, name)
}

// authorize proves to the authority that this server answers for a name.
func (a *ACME) authorize(ctx context.Context, client *acme.Client, address, name, kind string) error {
	authorization, err := client.GetAuthorization(ctx, address)
	if err != nil || authorization.Status == acme.StatusValid {
		return err
	}
	i := slices.IndexFunc(authorization.Challenges, func(c *acme.Challenge) bool { return c.Type == kind })
	if i < 0 {
		return errNoChallenge
	}
	challenge := authorization.Challenges[i]
	id, err := a.putAnswer(ctx, client, name, challenge)
	if err != nil {
		return err
	}
	defer func() { _ = a.table.remove(context.WithoutCancel(ctx), id) }() // removeOld removes it later if this fails
	if _, err := client.Accept(ctx, challenge); err != nil {
		return err
	}
	_, err = client.WaitAuthorization(ctx, authorization.URI)
	return err
}

// putAnswer stores the answer to a challenge where all nodes find it, and returns the id of the row.
func (a *ACME) putAnswer(ctx context.Context, client *acme.Client, name string, challenge *acme.Challenge) (id string, err error) {
	until := a.cfg.Now().Add(lockTime)
	if challenge.Type == httpChallenge {
		answer, err := client.HTTP01ChallengeResponse(challenge.Token)
		if err != nil {
			return "", err
		}
		id = tokenRow + challenge.Token
		_, err = a.table.write(ctx, putRow, id, answer, until)
		return id, err
	}
	pair, err := client.TLSALPN01ChallengeCert(challenge.Token, name)
	if err != nil {
		return "", err
	}
	id = alpnRow + name
	return id, a.table.putCertificate(ctx, id, &pair, until)
}

// finish asks for the certificate of an order that the authority has agreed to. Each certificate has a key of its own.
func finish(ctx context.Context, client *acme.Client, order *acme.Order, name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{name}}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := client.CreateOrderCert(ctx, order.FinalizeURL, request, true)
	if err != nil {
		return nil, err
	}
	text, err := encode(&tls.Certificate{Certificate: chain, PrivateKey: key})
	if err != nil {
		return nil, err
	}
	pair, err := decode(text) // compares the key
	if err != nil {
		return nil, fmt.Errorf("the authority sent another certificate: %w", err)
	}
	if err := pair.Leaf.VerifyHostname(name); err != nil {
		return nil, fmt.Errorf("the authority sent another certificate: %w", err)
	}
	return pair, nil
}

// account returns a client with the account that all nodes share. The first order makes it.
func (a *ACME) account(ctx context.Context) (*acme.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	key, err := a.accountKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("the key of the account: %w", err)
	}
	client := &acme.Client{Key: key, DirectoryURL: a.cfg.Directory, HTTPClient: a.cfg.Client, UserAgent: "Ashlar", RetryBackoff: backoff}
	account := &acme.Account{}
	if a.cfg.Email != "" {
		account.Contact = []string{"mailto:" + a.cfg.Email}
	}
	if _, err := client.Register(ctx, account, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("the authority gave no account: %w", err)
	}
	a.client = client
	return client, nil
}

func (a *ACME) accountKey(ctx context.Context) (crypto.Signer, error) {
	id := accountRow + a.cfg.Directory
	text, err := a.table.getSecret(ctx, id)
	if text != nil {
		return keyOf(text)
	}
	how := keepRow // another node may be first
	if errors.Is(err, errSealed) {
		how = putRow
	} else if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := a.table.writeSecret(ctx, how, id, text, a.cfg.Now()); err != nil {
		return nil, err
	}
	if text, err = a.table.getSecret(ctx, id); err != nil {
		return nil, err
	}
	return keyOf(text)
}

// mostRetries bounds the retries of a call. An authority that is away is asked again after the wait of a failed order.
const mostRetries = 8

// backoff returns the wait before a retry of a call: 0.1 to 10 s with jitter. A nonce that an authority has forgotten is no
// reason to wait for long.
func backoff(n int, _ *http.Request, answer *http.Response) time.Duration {
	if n > mostRetries || (answer != nil && answer.StatusCode == http.StatusTooManyRequests) {
		return -1
	}
	wait := min(100*time.Millisecond<<n, 10*time.Second)
	return wait/2 + mathrand.N(wait/2)
}

// explain returns what an error of an authority says, in one line.
func explain(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return text[:min(len(text), 1000)]
}
