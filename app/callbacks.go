package app

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v4"

	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/pipeline"
)

// callbacks makes and opens the tokens with which outside systems answer steps. A
// token is the same however often it is made, so that a step which runs again
// gives out the same address.
type callbacks struct {
	key []byte
	// url is where this server is reached.
	url string
}

// newCallbacks derives the key from the webhook secret, which is there anyway and
// equally sensitive.
func newCallbacks(webhookSecret []byte, url string) (callbacks, error) {
	key, err := hkdf.Key(sha256.New, webhookSecret, nil, "kargo callbacks", sha256.Size)
	if err != nil {
		return callbacks{}, fmt.Errorf("derive key of callbacks: %w", err)
	}
	return callbacks{key: key, url: url}, nil
}

// callbackClaims say what a token is for.
type callbackClaims struct {
	Repo      int64  `json:"repo"`
	Promotion string `json:"promotion"`
	Step      string `json:"step"`
	jwt.RegisteredClaims
}

const callbackAudience = "kargo-callback"

// address returns where a step of a Promotion is answered.
func (c callbacks) address(p *pipeline.Promotion, alias string) string {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, callbackClaims{
		Repo: p.Repo.ID, Promotion: p.ID, Step: alias,
		RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{callbackAudience}},
	})
	signed, err := token.SignedString(c.key)
	if err != nil {
		panic(fmt.Sprintf("sign callback token: %v", err)) // strings and numbers can be written as JSON
	}
	return c.url + handlers.CallbackPath + signed
}

// open returns what a token is for.
func (c callbacks) open(token string) (handlers.CallbackTarget, error) {
	var claims callbackClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}))
	if _, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return c.key, nil }); err != nil {
		return handlers.CallbackTarget{}, fmt.Errorf("token: %w", err)
	}
	if !claims.VerifyAudience(callbackAudience, true) {
		return handlers.CallbackTarget{}, errors.New("token: not for callbacks")
	}
	return handlers.CallbackTarget{Repo: claims.Repo, Promotion: claims.Promotion, Step: claims.Step}, nil
}
