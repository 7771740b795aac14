package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// authentication is how Argo Rollouts' web and prometheus providers sign in.
type authentication struct {
	OAuth2 *struct {
		TokenURL     string   `json:"tokenUrl"`
		ClientID     string   `json:"clientId"`
		ClientSecret string   `json:"clientSecret"`
		Scopes       []string `json:"scopes"`
	} `json:"oauth2"`
	SigV4 map[string]any `json:"sigv4"`
}

// authorize adds a bearer token that the client credentials buy.
func (a authentication) authorize(ctx context.Context, c client, in Look, header http.Header, timeout time.Duration) error {
	if len(a.SigV4) > 0 {
		return Permanent(errors.New("authentication.sigv4 is not supported: name a proxy that signs"))
	}
	if a.OAuth2 == nil {
		return nil
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {a.OAuth2.ClientID}, "client_secret": {a.OAuth2.ClientSecret},
	}
	if len(a.OAuth2.Scopes) > 0 {
		form.Set("scope", strings.Join(a.OAuth2.Scopes, " "))
	}
	answer, err := c.send(ctx, request{
		method: http.MethodPost, url: a.OAuth2.TokenURL, body: []byte(form.Encode()), timeout: timeout,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(answer, &token) != nil || token.AccessToken == "" {
		return fmt.Errorf("sign in: %s answered without an access_token", a.OAuth2.TokenURL)
	}
	in.Hide(token.AccessToken)
	header.Set("Authorization", "Bearer "+token.AccessToken)
	return nil
}
