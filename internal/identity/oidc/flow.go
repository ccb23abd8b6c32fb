package oidc

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// oauth returns the settings of OAuth 2 for an endpoint.
func (p *Provider) oauth(endpoint oauth2.Endpoint) (*oauth2.Config, error) {
	secret, err := p.secret(time.Now())
	return &oauth2.Config{ClientID: p.clientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: p.redirect, Scopes: p.scopes}, err
}

// exchange exchanges a code for tokens.
func (p *Provider) exchange(ctx context.Context, endpoint oauth2.Endpoint, a Answer) (*oauth2.Token, error) {
	config, err := p.oauth(endpoint)
	if err != nil {
		return nil, p.unavailable(err)
	}
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.client), a.Code, oauth2.VerifierOption(a.Verifier))
	if err == nil {
		return token, nil
	}
	if failure, ok := errors.AsType[*oauth2.RetrieveError](err); ok && isClientFault(failure) {
		return nil, refused("the token endpoint: %s %s", failure.ErrorCode, failure.Response.Status)
	}
	return nil, p.unavailable(err)
}

// isClientFault reports whether the token endpoint refused the code. A refused client secret is the operator's fault.
func isClientFault(failure *oauth2.RetrieveError) bool {
	status := failure.Response.StatusCode
	return failure.ErrorCode != "invalid_client" && failure.ErrorCode != "unauthorized_client" && status < 500 && status != http.StatusTooManyRequests
}

func (m *metadata) endpoint() oauth2.Endpoint {
	return oauth2.Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, AuthStyle: m.style}
}

func (o *openID) begin(ctx context.Context, r Request) (string, error) {
	m, err := o.metadata(ctx)
	if err != nil {
		return "", o.unavailable(err)
	}
	config, err := o.oauth(m.endpoint())
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(r.Nonce), oauth2.S256ChallengeOption(r.Verifier)}
	if o.formPost {
		options = append(options, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	return config.AuthCodeURL(r.State, options...), nil
}

func (o *openID) finish(ctx context.Context, a Answer) (Identity, error) {
	m, err := o.metadata(ctx)
	if err != nil {
		return Identity{}, o.unavailable(err)
	}
	if err := checkMixUp(m, a.Issuer); err != nil {
		return Identity{}, err
	}
	tokens, err := o.exchange(ctx, m.endpoint(), a)
	if err != nil {
		return Identity{}, err
	}
	text, _ := tokens.Extra("id_token").(string)
	claims, err := o.verify(ctx, m, text, tokens.AccessToken, a.Nonce)
	if err != nil {
		return Identity{}, err
	}
	if err := o.complete(ctx, m, claims, tokens); err != nil {
		return Identity{}, err
	}
	who := Identity{Issuer: claims.text("iss"), Subject: claims.text("sub"), Email: claims.text("email"), Name: claims.text("name"), Claims: claims}
	if m.Issuer == googleIssuer {
		who.Issuer = googleIssuer // some tokens leave out the scheme
	}
	who.EmailVerified = who.Email != "" && o.trustsEmail(claims)
	return who, nil
}

// checkMixUp checks the issuer of an answer (RFC 9207). It keeps the code of one provider from being sent to another.
func checkMixUp(m *metadata, issuer string) error {
	switch {
	case issuer == "" && m.NamesItself:
		return refused("the answer has no iss, although %s announces it", m.Issuer)
	case issuer != "" && issuer != m.Issuer:
		return refused("the answer has the iss %q, not %q", issuer, m.Issuer)
	}
	return nil
}

// complete fetches the claims that the ID token lacks from the userinfo endpoint. It replaces none.
func (o *openID) complete(ctx context.Context, m *metadata, known claims, tokens *oauth2.Token) error {
	if m.UserInfo == "" || known.have(append([]string{"email"}, o.claims...)) {
		return nil
	}
	info, err := m.provider.UserInfo(oidc.ClientContext(ctx, o.client), oauth2.StaticTokenSource(tokens))
	if err != nil {
		return o.unavailable(err)
	}
	if info.Subject != known.text("sub") {
		return refused("userinfo is about %q, not %q", info.Subject, known.text("sub"))
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return o.unavailable(err)
	}
	_, hasEmail := known["email"]
	for name, value := range more {
		isAboutOtherEmail := hasEmail && (name == "email_verified" || name == "xms_edov")
		if _, ok := known[name]; !ok && !isAboutOtherEmail {
			known[name] = value
		}
	}
	return nil
}
