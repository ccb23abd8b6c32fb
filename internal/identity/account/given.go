package account

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// claimRoles returns how the claims of a provider give roles, or nil.
func (s *Service) claimRoles(provider string) *model.ClaimRoles {
	for _, p := range s.rules.Providers {
		if p.Name == provider {
			return p.Roles
		}
	}
	return nil
}

// rolesOf returns the roles for the value of a claim: a text or a list of texts.
func rolesOf(rules *model.ClaimRoles, claim json.RawMessage) []string {
	var values []string
	if json.Unmarshal(claim, &values) != nil {
		var one string
		if json.Unmarshal(claim, &one) != nil {
			return nil
		}
		values = []string{one}
	}
	var roles []string
	for _, each := range values {
		roles = append(roles, rules.Roles[each]...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// givesRoles reports whether a claim of any provider gives roles.
func (s *Service) givesRoles() bool {
	return slices.ContainsFunc(s.rules.Providers, func(p model.Provider) bool { return p.Roles != nil })
}

// heldRoles returns the roles of an account: its own, and what the claims of its identities gave, without the identity
// except. The result is sorted.
func (s *Service) heldRoles(w *work, a *accountRow, except string) ([]string, error) {
	roles := slices.Clone(a.Roles)
	if a.Kind == KindUser && s.givesRoles() {
		linked, err := s.identities.list(w, "account_id == arg.account", map[string]string{"account": a.ID})
		if err != nil {
			return nil, err
		}
		for _, identity := range linked {
			if identity.ID != except {
				roles = append(roles, s.givenRoles(&identity)...)
			}
		}
	}
	slices.Sort(roles)
	return append([]string{}, slices.Compact(roles)...), nil
}

// givenRoles returns the roles that an identity gives. A role that the model no longer gives for a claim is lost at once.
func (s *Service) givenRoles(identity *identityRow) (roles []string) {
	for provider, given := range identity.Roles {
		rules := s.claimRoles(provider)
		if rules == nil {
			continue
		}
		for _, role := range given {
			mayGive := func(each []string) bool { return slices.Contains(each, role) }
			if slices.ContainsFunc(slices.Collect(maps.Values(rules.Roles)), mayGive) {
				roles = append(roles, role)
			}
		}
	}
	return roles
}

// takeRoles keeps the roles that the claims of a provider give to an identity. The account's own roles stay, and so do the roles of
// its other identities. If the account holds other roles then, its access tokens end.
func (s *Service) takeRoles(w *work, a *accountRow, identity string, who foreigner, client Client) error {
	if s.claimRoles(who.Provider) == nil {
		return nil
	}
	row, revision, err := s.identities.get(w, identity)
	if err != nil || slices.Equal(row.Roles[who.Provider], who.Roles) {
		return lostRace(err)
	}
	before, err := s.heldRoles(w, a, "")
	if err != nil {
		return err
	}
	roles := maps.Clone(row.Roles)
	if roles == nil {
		roles = map[string][]string{}
	}
	roles[who.Provider] = append([]string{}, who.Roles...)
	if err := s.identities.update(w, identity, revision, map[string]any{"roles": roles}); err != nil {
		return lostRace(err)
	}
	return s.noteRoles(w, a, before, who.Provider, client)
}

// noteRoles ends the access tokens of an account whose claims now give it other roles than before.
func (s *Service) noteRoles(w *work, a *accountRow, before []string, provider string, client Client) error {
	after, err := s.heldRoles(w, a, "")
	if err != nil || slices.Equal(before, after) {
		return err
	}
	if err := s.restampAll(w, a.ID); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "account.roles", detail: map[string]any{"before": before, "after": after, "provider": provider}})
}
