package forge

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

const (
	tokenLife  = time.Hour
	resetAfter = time.Hour
	maxJWTLife = 10 * time.Minute
)

// actor is who makes a request or causes an event.
type actor struct {
	account *account      // the person or bot
	app     *app          // set when an App acts
	inst    *installation // set for installation tokens
	token   *token
	jwt     bool
}

func (a actor) installationID() int64 {
	if a.inst == nil {
		return 0
	}
	return a.inst.id
}

// covers reports whether the token reaches r.
func (a actor) covers(r *repo) bool {
	return a.inst != nil && a.inst.covers(r) && (a.token.repos == nil || a.token.repos[r.id])
}

// authenticate fills c.actor from the Authorization header.
func (s *Server) authenticate(c *call, acc access) error {
	if acc.kind == anyone {
		return nil
	}
	credential, found := bearer(c.r)
	if !found {
		return fail(http.StatusUnauthorized, "Requires authentication")
	}
	if strings.Count(credential, ".") == 2 && !strings.HasPrefix(credential, "ghs_") {
		if err := s.verifyJWT(credential); err != nil {
			return err
		}
		c.actor = actor{account: s.app.bot, app: s.app, jwt: true}
		if acc.kind != asApp && !acc.alsoApp {
			return forbiddenIntegration("")
		}
		return nil
	}
	tok, err := s.lookupToken(credential)
	if err != nil {
		return err
	}
	if acc.kind == asApp {
		return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	c.actor = actor{account: s.app.bot, app: s.app, inst: tok.inst, token: tok}
	return nil
}

func bearer(r *http.Request) (string, bool) {
	scheme, rest, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token") {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

func (s *Server) lookupToken(value string) (*token, error) {
	tok := s.tokens[value]
	if tok == nil || !s.now().Before(tok.expires) {
		return nil, fail(http.StatusUnauthorized, "Bad credentials")
	}
	if !tok.inst.suspendedAt.IsZero() {
		return nil, fail(http.StatusForbidden, "This installation has been suspended")
	}
	return tok, nil
}

// verifyJWT applies GitHub's rules: RS256 by the App's key, iss is the App, iat not in the future, exp at most ten
// minutes away. GitHub allows no more than a minute of clock skew.
func (s *Server) verifyJWT(raw string) error {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation(), jwt.WithJSONNumber())
	if _, err := parser.ParseWithClaims(raw, claims, func(*jwt.Token) (any, error) { return s.app.cfg.PublicKey, nil }); err != nil {
		return fail(http.StatusUnauthorized, "A JSON web token could not be decoded")
	}
	issuer := strings.Trim(fmt.Sprint(claims["iss"]), `"`)
	if issuer != strconv.FormatInt(s.app.id, 10) && issuer != clientID(s.app) {
		return fail(http.StatusNotFound, "Integration not found")
	}
	const skew = time.Minute
	now := s.now()
	iat, hasIat := numericDate(claims["iat"])
	exp, hasExp := numericDate(claims["exp"])
	switch {
	case !hasExp:
		return fail(http.StatusUnauthorized, "Missing 'exp' claim in assertion")
	case !hasIat:
		return fail(http.StatusUnauthorized, "Missing 'iat' claim in assertion")
	case !now.Before(exp):
		return fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case exp.After(now.Add(maxJWTLife + skew)):
		return fail(http.StatusUnauthorized, "'Expiration time' claim ('exp') is too far in the future")
	case iat.After(now.Add(skew)):
		return fail(http.StatusUnauthorized, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	return nil
}

func numericDate(v any) (time.Time, bool) {
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if v == nil || err != nil {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}

func clientID(a *app) string { return fmt.Sprintf("Iv23li%014d", a.id) }

// newTokenValue is as long as the tokens that GitHub moves to in 2026, so that nothing relies on 40 characters.
func newTokenValue(appID int64) string {
	raw := make([]byte, 360)
	_, _ = rand.Read(raw) // never fails since Go 1.24
	return fmt.Sprintf("ghs_%d_%s", appID, base64.RawURLEncoding.EncodeToString(raw))
}
