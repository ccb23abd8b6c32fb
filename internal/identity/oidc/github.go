package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"golang.org/x/oauth2"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// github is the provider that speaks OAuth 2 alone. Its API says who somebody is.
type github struct {
	*Provider
	login string // address of the OAuth endpoints
	api   string
}

// ready has nothing to fetch: the endpoints do not change.
func (*github) ready(context.Context) error { return nil }

func (g *github) endpoint() oauth2.Endpoint {
	return oauth2.Endpoint{AuthURL: g.login + "/authorize", TokenURL: g.login + "/access_token", AuthStyle: oauth2.AuthStyleInParams}
}

func (g *github) begin(_ context.Context, r Request) (string, error) {
	config, err := g.oauth(g.endpoint())
	if err != nil {
		return "", err
	}
	return config.AuthCodeURL(r.State, oauth2.S256ChallengeOption(r.Verifier)), nil
}

func (g *github) finish(ctx context.Context, a Answer) (Identity, error) {
	if a.Issuer != "" && a.Issuer != githubIssuer && a.Issuer != g.login {
		return Identity{}, refused("the answer has the iss %q", a.Issuer)
	}
	tokens, err := g.exchange(ctx, g.endpoint(), a)
	if err != nil {
		return Identity{}, err
	}
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
	}
	if err := g.get(ctx, "/user", tokens, &user); err != nil {
		return Identity{}, err
	}
	var emails []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	if err := g.get(ctx, "/user/emails", tokens, &emails); err != nil {
		return Identity{}, err
	}
	if user.ID <= 0 {
		return Identity{}, refused("the API gave no id of a user")
	}
	who := Identity{Issuer: githubIssuer, Subject: strconv.FormatInt(user.ID, 10), Name: user.Name}
	if who.Name == "" {
		who.Name = user.Login
	}
	for _, each := range emails {
		if each.Primary && each.Verified {
			who.Email, who.EmailVerified = each.Email, true
		}
	}
	return who, nil
}

// get reads an answer of the API.
func (g *github) get(ctx context.Context, path string, tokens *oauth2.Token, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.api+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-Github-Api-Version", "2022-11-28")
	answer, err := g.client.Do(request)
	if err != nil {
		return g.unavailable(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return g.unavailable(err)
	}
	if answer.StatusCode != http.StatusOK {
		return g.unavailable(fmt.Errorf("%s answers %s: %q", path, answer.Status, errs.Clip(string(body), 200)))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return g.unavailable(fmt.Errorf("%s answers with something else than JSON: %w", path, err))
	}
	return nil
}
